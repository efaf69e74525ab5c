"""Secrets: from the file or the environment, in no message and in no `repr`."""

import re
import traceback
from typing import Any, Final

import pytest

from certlogin.errors import ConfigurationError
from certlogin.settings import Settings
from certlogin.settings.checks import check_settings
from tests.settings.good import SECRET, SMALLEST, changed, problems, read

HIDDEN: Final = "do-not-print-this-0123456789-abcdef"
FROM_ENVIRONMENT: Final = "from-the-environment-0123456789-abcdef"
DATABASE: Final = f"postgresql://certlogin:{HIDDEN}@db/certlogin"


def full() -> dict[str, Any]:
    """Every secret there is, in a development site."""
    site = {"origin": "http://127.0.0.1:8000", "mode": "development", "secret_keys": [HIDDEN, HIDDEN + "2"]}
    data = changed("ca", {"directory": "ca", "passphrase": HIDDEN}, changed("site", site))
    return changed("personal.keys", [HIDDEN], changed("stores.durable", DATABASE, data))


def test_a_repr_of_the_settings_holds_no_secret() -> None:
    settings = read(full())
    assert HIDDEN in settings.site.secret_keys
    assert settings.ca.passphrase == HIDDEN
    assert settings.stores.durable == DATABASE
    assert settings.personal.keys == (HIDDEN,)
    for part in (settings, settings.site, settings.ca, settings.stores, settings.personal):
        assert HIDDEN not in repr(part)
        assert HIDDEN not in str(part)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("site.secret_keys", HIDDEN),
        ("site.secret_keys", [HIDDEN[:31]]),
        ("site.secret_keys", [HIDDEN + "\n"]),
        ("site.secret_keys", [HIDDEN, 1]),
        ("site.secret_keys", {HIDDEN: 1}),
        ("site.secret_keys", [[HIDDEN]]),
        ("site.origin", f"https://admin:{HIDDEN}@survey.example"),
        ("site.label", HIDDEN + "x"),
        ("site.prefix", HIDDEN),
        ("site.mode", HIDDEN),
        ("site.language", HIDDEN),
        ("ca.passphrase", HIDDEN + "\x00"),
        ("ca.passphrase", [HIDDEN]),
        ("ca.key_types", [HIDDEN]),
        ("stores.durable", f"mysql://certlogin:{HIDDEN}@db/certlogin"),
        ("stores.durable", f"postgres ql://certlogin:{HIDDEN}@db/certlogin"),
        ("stores.durable", [DATABASE]),
        ("stores.volatile", f"redis://:{HIDDEN}@redis"),
        ("personal.keys", HIDDEN),
        ("personal.keys", [HIDDEN[:31]]),
        ("personal.keys", [HIDDEN + "\n"]),
        ("helper.countdown", HIDDEN),
        ("host.rotates", HIDDEN),
        ("rules.helper.minimum", HIDDEN),
        ("rules.enrolment.opens", HIDDEN),
        ("tickets", HIDDEN),
        ("adoption.unregistered", HIDDEN),
    ],
)
def test_no_message_repeats_a_secret(path: str, value: object) -> None:
    with pytest.raises(ConfigurationError) as refused:
        read(changed(path, value, full()))
    assert refused.value.problems
    assert HIDDEN[:31] not in str(refused.value)
    assert HIDDEN[:31] not in repr(refused.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("CERTLOGIN_SITE_SECRET_KEYS", HIDDEN[:31]),
        ("CERTLOGIN_SITE_SECRET_KEYS", f"{HIDDEN},{HIDDEN[:31]}"),
        ("CERTLOGIN_SITE_SECRET_KEYS", HIDDEN + "\x1b"),
        ("CERTLOGIN_CA_PASSPHRASE", HIDDEN + "\n"),
        ("CERTLOGIN_STORES_DURABLE", f"mysql://certlogin:{HIDDEN}@db"),
    ],
)
def test_no_message_repeats_a_secret_of_the_environment(variable: str, value: str) -> None:
    lines = problems(full(), **{variable: value})
    assert len(lines) == 1
    assert HIDDEN[:31] not in lines[0]


def test_no_traceback_of_a_refused_file_shows_a_secret() -> None:
    try:
        read(changed("site.secret_keys", [HIDDEN[:31]], full()))
    except ConfigurationError as error:
        shown = "".join(traceback.format_exception(error))
    assert "ConfigurationError" in shown
    assert HIDDEN[:31] not in shown


def test_what_a_program_put_together_is_told_without_secrets_too() -> None:
    from dataclasses import replace

    settings = read(full())
    weak: Settings = replace(settings, site=replace(settings.site, secret_keys=(HIDDEN[:31],)))
    with pytest.raises(ConfigurationError) as refused:
        check_settings(weak)
    assert refused.value.problems == ("[site] secret_keys: key no. 1 is shorter than 32 bytes",)


# The environment wins


def test_each_secret_may_come_from_the_environment_alone() -> None:
    data = changed("site", {"origin": "https://survey.example"})
    settings = read(
        data,
        CERTLOGIN_SITE_SECRET_KEYS=FROM_ENVIRONMENT,
        CERTLOGIN_CA_PASSPHRASE="a, b ",
        CERTLOGIN_STORES_DURABLE=DATABASE,
    )
    assert settings.site.secret_keys == (FROM_ENVIRONMENT,)
    assert settings.ca.passphrase == "a, b "
    assert settings.stores.durable == DATABASE


def test_the_environment_wins_over_the_file() -> None:
    settings = read(
        full(),
        CERTLOGIN_SITE_SECRET_KEYS=f" {FROM_ENVIRONMENT}1 ,{FROM_ENVIRONMENT}2\n",
        CERTLOGIN_CA_PASSPHRASE="other",
        CERTLOGIN_STORES_DURABLE="sqlite:///other.db",
        CERTLOGIN_PERSONAL_KEYS=f"{FROM_ENVIRONMENT}3, {FROM_ENVIRONMENT}4",
    )
    # Rotation: the first signs, all verify.
    assert settings.site.secret_keys == (f"{FROM_ENVIRONMENT}1", f"{FROM_ENVIRONMENT}2")
    assert settings.personal.keys == (f"{FROM_ENVIRONMENT}3", f"{FROM_ENVIRONMENT}4")
    assert settings.ca.passphrase == "other"
    assert settings.stores.durable == "sqlite:///other.db"


def test_an_empty_variable_is_no_value() -> None:
    settings = read(full(), CERTLOGIN_SITE_SECRET_KEYS="", CERTLOGIN_CA_PASSPHRASE="", CERTLOGIN_STORES_DURABLE="")
    assert settings == read(full())


def test_a_list_of_nothing_is_not_the_keys_of_the_file() -> None:
    (problem,) = problems(full(), CERTLOGIN_SITE_SECRET_KEYS=" , ,")
    assert problem.startswith("[site] secret_keys: is missing")


def test_a_variable_is_judged_like_the_file() -> None:
    assert problems(full(), CERTLOGIN_SITE_SECRET_KEYS=f"{FROM_ENVIRONMENT},short") == (
        "[site] secret_keys: key no. 2 is shorter than 32 bytes",
    )


def test_other_variables_change_nothing() -> None:
    environ = {
        "CERTLOGIN_SITE_ORIGIN": "https://evil.example",
        "CERTLOGIN_SITE_MODE": "development",
        "certlogin_site_secret_keys": FROM_ENVIRONMENT,
        "SITE_SECRET_KEYS": FROM_ENVIRONMENT,
    }
    assert read(SMALLEST, **environ) == read(SMALLEST)


def test_a_table_that_is_none_is_refused_and_not_made_one() -> None:
    assert problems(changed("stores", "text"), CERTLOGIN_STORES_DURABLE="sqlite:///x.db") == (
        "[stores] must be a table",
    )


def test_the_given_mapping_is_left_as_it_was() -> None:
    data = full()
    read(data, CERTLOGIN_SITE_SECRET_KEYS=FROM_ENVIRONMENT)
    assert data == full()
    assert re.search(SECRET, str(SMALLEST))
