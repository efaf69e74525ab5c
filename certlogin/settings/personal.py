"""How personal data is kept: what users wrote into forms and have signed."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class PersonalSettings:
    #: The first seals, all open, so that keys can be rotated. 32 bytes or more each, any text. Environment:
    #: CERTLOGIN_PERSONAL_KEYS, separated by commas. Empty: nothing personal can be kept.
    keys: tuple[str, ...] = field(default=(), repr=False)
