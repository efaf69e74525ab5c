"""What was found out of a sample, and what it means for a login."""

from dataclasses import dataclass
from typing import Final

from certlogin.pki.signature import Algorithm
from certlogin.probe.texts import AS_GIVEN, NO_LINE_END

DEFAULT_ID: Final = "1234567812345678"
_OFFERED: Final = frozenset(algorithm.value for algorithm in Algorithm)


@dataclass(frozen=True, slots=True)
class Form:
    """How the numbers of a signature were written."""

    name: str
    #: What a driver must do before it hands the signature on; empty: nothing.
    to_do: str = ""


@dataclass(frozen=True, slots=True)
class Finding:
    #: How the pasted signature was written down, and what was inside.
    encoding: str
    form: Form
    text: str
    digest: str
    #: RSA: the padding. SM2: which user id, or that there is no Z.
    way: str
    #: As `Algorithm` names it; empty: a login knows no name for it.
    algorithm: str = ""
    #: In which kind of proof it would be offered.
    format: str = "text"

    @property
    def accepted(self) -> bool:
        """Whether a login may accept this way of signing; its policy and the certificate are judged elsewhere."""
        return self.algorithm in _OFFERED and self.text in (AS_GIVEN, NO_LINE_END)

    def advice(self) -> tuple[str, ...]:
        """What to configure, or what to ask of the vendor."""
        lines = []
        if self.algorithm not in _OFFERED:
            lines.append(f"a login does not accept {self.digest}, {self.way}: have the helper sign {_WANTED}")
        if self.text not in (AS_GIVEN, NO_LINE_END):
            lines.append("a login verifies the text itself: use the helper's function that signs text, as it is")
        if self.accepted:
            lines.append(f'a login may accept it: format "{self.format}", algorithm "{self.algorithm}"')
            lines.extend([self.form.to_do] if self.form.to_do else [])
        return tuple(lines)


_WANTED: Final = f"SM3 with Z and the user id {DEFAULT_ID}, or SHA-256 with RSA or P-256, or SHA-384 with P-384"
