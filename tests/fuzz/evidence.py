"""Evidence: records, checkpoints and whole exports, as strangers hand them on; and what is sealed at rest."""

from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from certlogin.evidence.chain import Entry, Line, read_line
from certlogin.evidence.checkpoint import Checkpoint, read_public_key, sign_checkpoint
from certlogin.evidence.record import Body
from certlogin.evidence.verify import verify
from certlogin.records.personal import PersonalKeys, Place
from tests.evidence.made import TEXT, three, trust
from tests.factory import NOW
from tests.fuzz.target import Target

_KEY = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(32))
_LINES = three()
_CHECKPOINT = sign_checkpoint(_LINES[-1].entry.head, NOW, _KEY)
_EXPORT = b"\n".join([*(line.to_bytes() for line in _LINES), _CHECKPOINT.to_bytes()])
_TRUST = trust()
_BODY = Body(bytes(32), TEXT)
_PERSONAL = PersonalKeys.from_settings(("a key of 32 bytes or more, any text",))
_PLACE = Place("evidence", "1", "body")
_SEALED = _PERSONAL.seal(TEXT.encode(), _PLACE, bytes(12))


def _read_line(data: bytes) -> None:
    assert Line.from_json(read_line(data), data).to_bytes() == data, "two texts of one record"


def _read_entry(data: bytes) -> None:
    assert Entry.from_bytes(data).to_bytes() == data, "two texts of one entry"


def _read_checkpoint(data: bytes) -> None:
    assert Checkpoint.from_bytes(data).to_bytes() == data, "two texts of one checkpoint"


def _read_body(data: bytes) -> None:
    assert len(Body.from_bytes(data).commitment) == 64


def _read_export(data: bytes) -> None:
    """Nothing is raised, and nothing else is sound; a line that is there twice is the same checkpoint."""
    if verify(data.split(b"\n"), _TRUST, [_KEY.public_key()]).is_sound:
        assert set(data.split(b"\n")) == set(_EXPORT.split(b"\n")), "accepted a changed export"


def _open_sealed(data: bytes) -> None:
    _PERSONAL.open(data, _PLACE)
    assert data == _SEALED, "accepted a changed value"


EVIDENCE = (
    Target("evidence record", _read_line, tuple(line.to_bytes() for line in _LINES)),
    Target("evidence entry", _read_entry, (_LINES[0].entry.to_bytes(),)),
    Target("evidence checkpoint", _read_checkpoint, (_CHECKPOINT.to_bytes(),)),
    Target("evidence body", _read_body, (_BODY.to_bytes(),)),
    Target("evidence export", _read_export, (_EXPORT,)),
    Target("checkpoint key", read_public_key,
           (_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo),)),
    Target("personal data", _open_sealed, (_SEALED,)),
)  # fmt: skip
