import tomllib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from certlogin.ca.profile import FILE, KEY_TYPES, UNIQUE_ID_OID, CAProfile, read_profile, write_profile
from certlogin.errors import ConfigurationError

days = st.integers(1, 3650)
profiles = st.builds(
    CAProfile,
    days,
    days,
    days,
    st.lists(st.sampled_from(KEY_TYPES), min_size=1, unique=True).map(tuple),
    st.just("1.2.3"),
    st.just(UNIQUE_ID_OID),
    # Others are refused before they are written.
    st.text().filter(str.isprintable),
)


@given(profile=profiles)
@settings(deadline=None)
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, profile: CAProfile) -> None:
    directory = tmp_path_factory.mktemp("ca")
    (directory / FILE).write_text(write_profile(profile), encoding="utf-8")
    assert read_profile(directory) == profile


def test_missing_keys_have_defaults(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("")
    assert read_profile(tmp_path) == CAProfile()


def test_a_directory_without_the_file_is_no_ca(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="certlogin ca init"):
        read_profile(tmp_path)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("validity_day = 3", "unknown key 'validity_day'; known keys: validity_days"),
        ("validity_days = 0", "validity_days must be"),
        ("validity_days = 3651", "validity_days must be"),
        ("crl_days = true", "crl_days must be"),
        ("crl_days = 1.5", "crl_days must be"),
        ('root_crl_days = "7"', "root_crl_days must be"),
        ("key_types = []", "key_types must list"),
        ('key_types = "P-256"', "key_types must list"),
        ('key_types = ["RSA-1024"]', "key_types must list"),
        ('key_types = ["secp256k1"]', "key_types must list"),
        ("key_types = [[]]", "key_types must list"),
        ('unit_code = ""', "unit_code must be"),
        ('unit_code = "organisation"', "unit_code must be"),
        ('unique_id = "1.2.x"', "unique_id must be"),
        ('unique_id = "9.1"', "unique_id must be"),
        ('unit_code = "2.25.20094988646605500440730656503632765366"', "unit_code and unique_id must differ"),
        ('unique_id = "2.5.29.19"', "unique_id must be"),
        ("unique_id = 5", "unique_id must be"),
        ("sm2_library = 3", "sm2_library must be"),
        ("=", "ca.toml"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, line: str, problem: str) -> None:
    (tmp_path / FILE).write_text(line + "\n")
    with pytest.raises(ConfigurationError) as refused:
        read_profile(tmp_path)
    assert len(refused.value.problems) == 1
    assert problem in refused.value.problems[0]


@pytest.mark.parametrize("content", [b"\xff", b"validity_days = " + b"9" * 5000, b"x = " + b"[" * 100_000])
def test_a_file_that_is_no_toml_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / FILE).write_bytes(content)
    with pytest.raises(ConfigurationError, match=FILE):
        read_profile(tmp_path)


def test_the_unique_id_is_an_object_identifier_of_our_own() -> None:
    # ITU-T X.667: 2.25 and the number of a UUID.
    root, arc, number = UNIQUE_ID_OID.split(".")
    assert (root, arc) == ("2", "25")
    assert 2**64 < int(number) < 2**128
    assert tomllib.loads(write_profile(CAProfile()))["unique_id"] == UNIQUE_ID_OID
