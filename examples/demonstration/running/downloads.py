"""The download page of the demonstration: its data file of builds, and a file behind each button.

No installer is made here: the demonstration starts its helper itself. What is downloaded is a text that says so, with a
true checksum, so that everything the page does can be seen.
"""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

PRODUCT = "CertHelper"
VERSION = "0.1.0.0"

#: The names that Debian and RPM packages give to a processor.
_DEB = {"x86_64": "amd64", "aarch64": "arm64", "mips64el": "mips64el", "loongarch64": "loongarch64"}
_RPM = {"x86_64": "x86_64", "aarch64": "aarch64", "mips64el": "mips64el", "loongarch64": "loongarch64"}

_TEXT = """\
{file}

演示系统不提供安装包：运行 make demo 时证书助手已随之启动。
This is the demonstration: it ships no installers. `make demo` has started the helper already.
"""


def write_downloads(folder: Path, builds: Path, address: str) -> None:
    """The files into `folder`, the list of them into `builds`; `address`: where the host serves them."""
    folder.mkdir(exist_ok=True)
    rows = []
    for system, arch, package, file in _builds():
        content = _TEXT.format(file=file).encode()
        (folder / file).write_bytes(content)
        rows.append(
            {
                "version": VERSION,
                "os": system,
                "arch": arch,
                "package": package,
                "sha256": hashlib.sha256(content).hexdigest(),
                "url": f"{address}/{file}",
                "file": file,
            }
        )
    document = {"note": "Written at every start of the demonstration.", "product": PRODUCT, "builds": rows}
    builds.write_text(json.dumps(document, indent=1), encoding="utf-8")


def _builds() -> Iterator[tuple[str, str, str, str]]:
    yield "windows", "x86_64", "exe", f"{PRODUCT}V{VERSION}.exe"
    for system in ("kylin", "uos"):
        for arch, name in _DEB.items():
            yield system, arch, "deb", f"{PRODUCT}-{system}_{VERSION}_{name}.deb"
    for arch, name in _RPM.items():
        yield "neokylin", arch, "rpm", f"{PRODUCT}-{VERSION}-1.{name}.rpm"
