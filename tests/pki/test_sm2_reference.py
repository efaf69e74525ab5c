"""The reference itself, against the published values: else it would check nothing."""

from tests.pki import sm2_reference as reference

D = 0x3945208F7B2144B13F36E38AC6D39F95889393692860B51A42FB81EF4DF7C5B8
K = 0x59276E27D506861A16680F3AD9C02DCCEF3CC1FA3CDBE4CE6D54B80DEAC1BC21
R = 0xF5A03B0648D2C4630EEAC513E1BB81A15944DA3827D5B74143AC7EACEEE720B3
S = 0xB1B6AA29DF212FD8763182BC0D421CA1BB9038FD1F7F42D4840B69C485BBC1AA
POINT = (
    0x09F9DF311E5421A150DD7D161E4BC5C672179FAD1833FC076BB08FF356F35020,
    0xCCEA490CE26775A52DC6EA718CC1AA600AED05FBF35E084A6632F6072DA9AD13,
)


def test_sm3_of_the_standards_examples() -> None:
    """GB/T 32905, annex A."""
    abc = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    long = "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"
    assert reference.sm3(b"abc").hex() == abc
    assert reference.sm3(b"abcd" * 16).hex() == long


def test_the_signature_of_the_standards_example() -> None:
    """GB/T 32918.5, annex A, every intermediate value."""
    assert reference.public(D) == POINT
    z = "b2e14c5c79c6df5b85f4fe7ed8db7a262b9da7e07ccb0ea9f4747b8ccda8a4f3"
    assert reference.z_of(POINT).hex() == z
    e = reference.digest(POINT, b"message digest")
    assert e == 0xF0B43E94BA45ACCAACE692ED534382EB17E6AB5A19CE7B31F4486FDFC0D28640
    assert reference.sign_digest(D, e, K) == (R, S)
    assert reference.fits_digest(POINT, e, R, S)
    assert not reference.fits_digest(POINT, e + 1, R, S)


def test_the_group_has_its_order() -> None:
    assert reference.multiply(reference.N, reference.G) is None
    assert reference.multiply(reference.N + 1, reference.G) == reference.G
