"""The retry counter of a file token.

It is written and fsynced before a PIN is tried, so that killing the helper never gives a try back; only the right PIN
does. A counter that is missing or unreadable counts as zero. Who can write the user's files can put an old counter
back, and can try PINs on a copy of the token at scrypt's price: hardware keys are for those who need more.
"""

import re
from pathlib import Path

from certlogin.helper.durable import write_whole
from certlogin.helper.refusals import PinLocked


class Tries:
    """The caller holds the token's lock around every method but `left`."""

    def __init__(self, path: Path, most: int) -> None:
        self._path = path
        self._most = most

    def left(self) -> int:
        try:
            found = re.fullmatch(rb"[0-9]{1,2}\n", self._path.read_bytes())
        except OSError:
            return 0
        return min(int(found[0]), self._most) if found else 0

    def use_one(self) -> int:
        """Take one try, durably; how many are left if it fails. Raises PinLocked at zero."""
        left = self.left()
        if left == 0:
            raise PinLocked
        self._write(left - 1)
        return left - 1

    def reset(self) -> None:
        self._write(self._most)

    def _write(self, left: int) -> None:
        write_whole(self._path, b"%d\n" % left)
