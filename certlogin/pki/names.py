"""The name of a certificate's holder, for people to read; no identity (S27)."""

from cryptography.x509 import Name
from cryptography.x509.oid import NameOID


def holder_name(subject: Name) -> str:
    """Its common name, else its organisation, as the helper shows it (证书所有者); empty: it has neither."""
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        for attribute in subject.get_attributes_for_oid(kind):
            return str(attribute.value)
    return ""
