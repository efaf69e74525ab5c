"""Makes what the list system needs: its folder, an authority of earlier years, the keys that its units hold."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from argon2 import PasswordHasher

from certlogin import Unit
from certlogin.testing import HandedOut, Office, hand_out
from demonstration.running.downloads import write_downloads
from demonstration.running.files import Handout, ZcqdDemoFiles, handout, secret
from demonstration.running.prepare import UNIQUE_ID, Demo, certlogin_command
from demonstration.running.settings import zcqd_settings
from host_parts.accounts import read_roster, write_hashes
from host_parts.languages import CHINA
from zcqd_app.pages import PREFIX
from zcqd_app.state import ROSTER


@dataclass(frozen=True, slots=True)
class Key:
    """A key that a unit holds before the demonstration begins."""

    user: str
    model: str
    applied_on: datetime


#: From the authority of earlier years, all of them RSA.
OLD_KEYS = (
    Key("beichen", "01", datetime(2016, 5, 10, 9, tzinfo=CHINA)),
    Key("changhe", "03", datetime(2017, 9, 12, 9, tzinfo=CHINA)),
    Key("nanshan", "3000GM", datetime(2019, 3, 20, 9, tzinfo=CHINA)),
)
#: From the authority of today, SM2 where it is.
CURRENT_USER, CURRENT_MODEL = "donghu", "5000GM"
#: Long enough from now that no renewal is due.
_LEFT = timedelta(days=400)
_CURRENT_AGE = timedelta(days=200)


@dataclass(frozen=True, slots=True)
class ZcqdDemo:
    files: ZcqdDemoFiles
    origin: str
    ports: tuple[int, ...]
    roster: tuple[tuple[str, Unit], ...]
    #: Its PINs are those of the keys that were handed out.
    handout: Handout

    def unit(self, user: str) -> Unit:
        return dict(self.roster)[user]


def prepare_zcqd(demo: Demo, hasher: PasswordHasher | None = None) -> ZcqdDemo:
    """After `prepare`. What is there stays. Raises CommandFailed."""
    files = demo.files.zcqd
    files.directory.mkdir(mode=0o700, exist_ok=True)
    roster = tuple(read_roster(ROSTER))
    users = dict(roster)
    holders = [*(key.user for key in OLD_KEYS), CURRENT_USER]
    given = handout(files.handout, list(users), [key_label(users[user]) for user in holders])
    secret(files.host.session_key)
    if not files.host.hashes.exists():
        write_hashes(files.host.hashes, given.passwords, hasher or PasswordHasher())
    files.host.settings.write_text(zcqd_settings(demo.origins.zcqd, demo.ports, UNIQUE_ID), encoding="utf-8")
    write_downloads(files.host.downloads, files.builds, f"{PREFIX}/downloads")
    zcqd = ZcqdDemo(files, demo.origins.zcqd, demo.ports, roster, given)
    _make_old_ca(files)
    _hand_out_keys(demo, zcqd)
    return zcqd


def key_label(unit: Unit) -> str:
    return f"{unit.name[:2]}的 USBKey"


def zcqd_environment(files: ZcqdDemoFiles) -> dict[str, str]:
    """The secrets that certlogin reads from the environment."""
    return {"CERTLOGIN_SITE_SECRET_KEYS": secret(files.site_keys)}


def _make_old_ca(files: ZcqdDemoFiles) -> None:
    passphrase = {"CERTLOGIN_CA_PASSPHRASE": secret(files.ca_passphrase)}
    if not (files.ca / "issuing.pem").exists():
        plan = ("--name", "Earlier Demo CA", "--key-type", "RSA-2048")
        certlogin_command("ca", "init", str(files.ca), *plan, secrets=passphrase)
    else:
        # Nothing runs that would keep its list fresh.
        certlogin_command("ca", "publish", str(files.ca), secrets=passphrase)


def _hand_out_keys(demo: Demo, zcqd: ZcqdDemo) -> None:
    config = ("--config", str(demo.files.helper_config))
    tokens = json.loads(certlogin_command("helper", "token", "list", "--json", *config))
    there = {token["label"] for token in tokens}
    for office, key, key_type in _wanted(demo, zcqd, newest=tokens[0]["key_kinds"][0]):
        unit = zcqd.unit(key.user)
        label = key_label(unit)
        if label not in there:
            end = datetime.now(UTC) + _LEFT
            made = HandedOut(unit, label, key.model, key_type, key.applied_on, end)
            hand_out(office, made, zcqd.handout.pins[label])


def _wanted(demo: Demo, zcqd: ZcqdDemo, newest: str) -> Iterator[tuple[Office, Key, str]]:
    """`newest`: the kind of key that tokens on this machine offer first; SM2 where it is known."""
    earlier = Office(zcqd.files.ca, secret(zcqd.files.ca_passphrase), demo.files.tokens)
    for key in OLD_KEYS:
        yield earlier, key, "RSA-2048"
    today = Office(demo.files.ca, secret(demo.files.ca_passphrase), demo.files.tokens)
    yield today, Key(CURRENT_USER, CURRENT_MODEL, datetime.now(UTC) - _CURRENT_AGE), newest
