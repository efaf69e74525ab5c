"""Coverage-guided fuzzing of every parser: `python -m tests.fuzz.harness SECONDS [NAME …]`.

The first octet of an input chooses the target. What breaks a promise ends the run with a status other than 0; target
and octets are printed, to be put into a test beside the mending.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["certlogin"]):
    from tests.fuzz.table import TARGETS
    from tests.fuzz.target import Target

#: Octets of an input: the largest seed, a certificate with an RSA key, and room around it.
_LONGEST = 4096


def _chosen(names: list[str]) -> list[Target]:
    return [target for target in TARGETS if not names or target.name in names]


def _plant(folder: str, targets: list[Target]) -> None:
    for number, target in enumerate(targets):
        for count, seed in enumerate(target.seeds):
            Path(folder, f"{number}-{count}").write_bytes(bytes([number]) + seed)


def _run(target: Target, data: bytes) -> None:
    try:
        target.run(data)
    except BaseException:
        sys.stderr.write(f"\nbroken: {target.name}: {data!r}\n")
        raise


def main(seconds: str, *names: str) -> None:
    targets = _chosen(list(names))

    def one_input(data: bytes) -> None:
        if data:
            _run(targets[data[0] % len(targets)], data[1:])

    with tempfile.TemporaryDirectory() as folder:
        _plant(folder, targets)
        limits = (f"-max_total_time={seconds}", f"-max_len={_LONGEST}", "-timeout=5", f"-artifact_prefix={folder}/")
        atheris.Setup([sys.argv[0], *limits, "-print_final_stats=1", "-verbosity=0", folder], one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
