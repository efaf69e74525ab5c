"""Which site asked for a key on a card, and for which unit: a card has no place for it.

Only that site may install the certificate. Keys that the card's own tool made, and those of another computer, belong to
no site: their certificates are shown and used like all others.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from certlogin.helper.durable import locked, private_folder, write_whole
from certlogin.wire.bad_request import BadRequest
from certlogin.wire.json import JsonObject, exact_members, object_list, read_object, text, write_object

_KEYS: Final = 512
_LIMIT: Final = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Asked:
    serial: str
    key_id: str
    origin: str
    unit: str


class Requested:
    """One file. Safe to use from several threads and processes."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "requested.json"

    def on(self, serial: str) -> dict[str, Asked]:
        """What is known of that token's keys, by key id."""
        return {asked.key_id: asked for asked in self._read() if asked.serial == serial}

    def add(self, asked: Asked) -> None:
        private_folder(self._path.parent)
        with locked(self._path.with_suffix(".lock")):
            # The oldest go first: their certificates came long ago, or never will.
            kept = [known for known in self._read() if known != asked][-_KEYS + 1 :]
            write_whole(self._path, write_object({"keys": [_object(known) for known in (*kept, asked)]}))

    def _read(self) -> list[Asked]:
        """A damaged file is an empty one: no site owns anything then, and each may ask for a new key."""
        try:
            value = read_object(self._path.read_bytes(), _LIMIT)
            exact_members(value, ("keys",))
            return [_asked(item) for item in object_list(value, "keys", _KEYS)]
        except (OSError, BadRequest):
            return []


def _object(asked: Asked) -> JsonObject:
    return {"serial": asked.serial, "key_id": asked.key_id, "origin": asked.origin, "unit": asked.unit}


def _asked(value: JsonObject) -> Asked:
    exact_members(value, ("serial", "key_id", "origin", "unit"))
    return Asked(text(value, "serial", 64), text(value, "key_id", 64), text(value, "origin"), text(value, "unit", 256))
