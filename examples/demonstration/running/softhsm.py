"""A USBKey in software for the walk: SoftHSM, reached by the helper through PKCS#11 like any card."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

#: Where Debian and others put the module.
_PLACES = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"),
    Path("/usr/lib/aarch64-linux-gnu/softhsm/libsofthsm2.so"),
    Path("/usr/lib64/pkcs11/libsofthsm2.so"),
)


@dataclass(frozen=True, slots=True)
class SoftHSM:
    #: The PKCS#11 module.
    module: Path
    #: Where this demonstration keeps its tokens.
    folder: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """What a program needs that loads the module."""
        return {"SOFTHSM2_CONF": str(self.folder / "softhsm2.conf")}

    def make_token(self, label: str, pin: str) -> None:
        """A blank token. Raises CalledProcessError."""
        tokens = self.folder / "tokens"
        tokens.mkdir(mode=0o700, parents=True, exist_ok=True)
        (self.folder / "softhsm2.conf").write_text(f"directories.tokendir = {tokens}\nlog.level = ERROR\n")
        command = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", pin, "--so-pin", pin]
        environment = {**os.environ, **self.environment}
        subprocess.run(command, env=environment, check=True, capture_output=True)  # noqa: S603 arguments of our own

    def configure(self, helper_config: Path) -> None:
        """Name the module in the helper's configuration: it loads no other."""
        with helper_config.open("a", encoding="utf-8") as file:
            file.write(f'\n[[modules]]\npath = "{self.module}"\nname = "SoftHSM"\n')


def find_softhsm(folder: Path) -> SoftHSM | None:
    """None when this machine has none."""
    module = next((place for place in _PLACES if place.exists()), None)
    return None if module is None else SoftHSM(module, folder)
