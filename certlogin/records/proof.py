"""The forms in which a unit may show that it holds its key."""

from enum import StrEnum


class ProofFormat(StrEnum):
    #: By certlogin's own helper, which writes into what it signs the origin that the browser told it.
    NATIVE = "native"
    #: By a vendor's helper: a text of ours, signed as it is.
    TEXT = "text"
    #: The same text in a CMS SignedData.
    CMS = "cms"
    #: A token of Web eID.
    WEB_EID = "web-eid"
