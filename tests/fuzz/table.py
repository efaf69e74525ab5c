"""Every parser, once, for Hypothesis and for atheris."""

from tests.fuzz.certificates import CERTIFICATES
from tests.fuzz.cms import MESSAGES_OF_VENDORS
from tests.fuzz.evidence import EVIDENCE
from tests.fuzz.messages import MESSAGES
from tests.fuzz.signed import SIGNED
from tests.fuzz.target import Target
from tests.fuzz.texts import TEXTS

TARGETS: tuple[Target, ...] = (*MESSAGES, *SIGNED, *CERTIFICATES, *MESSAGES_OF_VENDORS, *EVIDENCE, *TEXTS)
