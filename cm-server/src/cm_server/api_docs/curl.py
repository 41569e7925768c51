"""An operation as a line of curl. `$B` is the base address; what else begins with `$` is the caller's to set."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote


def line(path: str, method: str, described: Mapping[str, Any]) -> str:
    """Of an operation as OpenAPI describes it; with a key where it needs one."""
    words = ["curl -sS"]
    if method != "get":
        words.append(f"-X {method.upper()}")
    words.append(f'"$B{_in_shell(path)}{query_of(described)}"')
    if described.get("security"):
        words.append('-H "Authorization: Bearer $KEY"')
    for kind, content in described.get("requestBody", {}).get("content", {}).items():
        words += [f"-H 'Content-Type: {kind}'", f"-d {shlex.quote(body_of(content['example']))}"]
        break
    return " ".join(words)


def query_of(described: Mapping[str, Any]) -> str:
    """The query arguments of a first call."""
    said = [each for each in described["parameters"] if each["in"] == "query" and "example" in each]
    parts = [f"{each['name']}={quote(each['example'], safe=':')}" if each["example"] else each["name"] for each in said]
    return f"?{'&'.join(parts)}" if parts else ""


def body_of(example: Any) -> str:
    """As it is sent: JSON, or what is text already."""
    return example if isinstance(example, str) else json.dumps(example, ensure_ascii=False)


def _in_shell(path: str) -> str:
    """`/v1/products/{id}` as `/v1/products/$ID`; braces where a name would go on."""
    return re.sub(r"\{(\w+)\}", lambda found: f"${{{found[1].upper()}}}", path)
