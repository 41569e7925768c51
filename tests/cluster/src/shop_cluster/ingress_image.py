"""Makes Debian's nginx fit the real ingress-nginx controller, whose own nginx has more modules and Lua libraries.

Its template and Lua files come from the pinned Go module. Changed are: modules are loaded from where Debian has them,
and the `stream` block does without Lua. What Debian lacks of Lua is in tests/cluster/images/ingress-nginx/resty."""

from __future__ import annotations

import re
import tarfile
from pathlib import Path

from shop_cluster.archive import add_bytes
from shop_cluster.binaries import INGRESS_NGINX
from shop_cluster.commands import ClusterError
from shop_cluster.places import SOURCES

OURS = SOURCES / "images" / "ingress-nginx"
TEMPLATE = "template/nginx.tmpl"
LOADED = ("ndk_http", "ngx_http_lua", "ngx_http_headers_more_filter", "ngx_stream")
WRITABLE = (
    "tmp/nginx",
    "var/log/nginx",
    *(f"etc/ingress-controller/{name}" for name in ("auth", "geoip", "ssl", "telemetry")),
)


def controller_files(tar: tarfile.TarFile) -> None:
    nginx = INGRESS_NGINX.folder / "nginx"
    for path in sorted(nginx.rglob("*")):
        name = str(path.relative_to(nginx))
        if path.is_file() and "/test/" not in name:
            content = _template(path).encode() if name == TEMPLATE else path.read_bytes()
            add_bytes(tar, f"etc/nginx/{name}", content)
    for path in sorted((OURS / "resty").rglob("*.lua")):
        add_bytes(tar, f"etc/nginx/lua/{path.relative_to(OURS)}", path.read_bytes())
    for name in WRITABLE:
        folder = tarfile.TarInfo(name)
        folder.type, folder.mode = tarfile.DIRTYPE, 0o777
        tar.addfile(folder)
    for name, target in (("access", "/dev/stdout"), ("error", "/dev/stderr")):
        link = tarfile.TarInfo(f"var/log/nginx/{name}.log")
        link.type, link.linkname = tarfile.SYMTYPE, target
        tar.addfile(link)


def _template(path: Path) -> str:
    text = path.read_text()
    modules = "\n".join(f"load_module /usr/lib/nginx/modules/{name}_module.so;" for name in LOADED)
    text, loads = re.subn(r"^pid .*;$", lambda found: f"{found[0]}\n{modules}", text, count=1, flags=re.M)
    stream = (OURS / "stream.conf").read_text()
    text, streams = re.subn(r"^stream \{$.*?^\}$", lambda _found: stream, text, count=1, flags=re.M | re.S)
    if not (loads and streams):
        raise ClusterError(f"{path} no longer looks as ingress_image.py expects: adapt it to this version.")
    return text
