"""The pages' own files, held in memory. They are served below a folder that is named by their content, and kept by
browsers for good: another release has another folder, so an upgrade shows at once and modules of two never mix.
"""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from cm_server.prepared import Prepared

KEPT = "public, max-age=31536000, immutable"
_SERVED = (".css", ".js", ".svg")
# The slim images of Python have no mime.types file, and a module script with a wrong type is refused.
_TYPES = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_IMPORT = re.compile(rb'^(?:import|export)[^"]*"\./([\w.-]+\.js)";', re.M)


@dataclass(frozen=True)
class Assets:
    """`version` names the content of all `files`; `imports` are the modules that a module asks for."""

    version: str
    files: Mapping[str, Prepared]
    imports: Mapping[str, tuple[str, ...]]

    def modules(self, script: str) -> list[str]:
        """Every module that `script` needs, so that a page can ask for all of them at once."""
        found: list[str] = []
        waiting = [script]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.append(name)
                waiting.extend(self.imports[name])
        return sorted(found)


@cache
def load() -> Assets:
    """Read and packed once a process."""
    folder = resources.files(__package__ or __name__)
    bodies = {file.name: file.read_bytes() for file in folder.iterdir() if file.name.endswith(_SERVED)}
    together = hashlib.sha256()
    for name in sorted(bodies):
        together.update(name.encode() + b"\0" + hashlib.sha256(bodies[name]).digest())
    imports = {
        name: tuple(found.decode() for found in _IMPORT.findall(body))
        for name, body in bodies.items()
        if name.endswith(".js")
    }
    return Assets(
        together.hexdigest()[:12], {name: Prepared.of(body, _type(name)) for name, body in bodies.items()}, imports
    )


def _type(name: str) -> str:
    suffix = name[name.rfind(".") :]
    return _TYPES.get(suffix) or mimetypes.types_map.get(suffix, "application/octet-stream")
