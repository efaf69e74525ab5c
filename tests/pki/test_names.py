from cryptography.x509 import Name, NameAttribute, ObjectIdentifier
from cryptography.x509.oid import NameOID

from certlogin.pki.names import holder_name


def name(*parts: tuple[ObjectIdentifier, str]) -> Name:
    return Name([NameAttribute(kind, value) for kind, value in parts])


def test_d6_the_holder_is_the_common_name_else_the_organisation() -> None:
    organisation, common = (NameOID.ORGANIZATION_NAME, "甲公司"), (NameOID.COMMON_NAME, "甲")
    assert holder_name(name(organisation, common)) == "甲"
    assert holder_name(name(organisation)) == "甲公司"
    assert holder_name(name((NameOID.COUNTRY_NAME, "CN"))) == ""
