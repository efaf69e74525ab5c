"""Every rule of `checks.py` for one table: what it refuses, and the nearest value that passes."""

from typing import Any, Final

import pytest

from tests.companions import without
from tests.settings.good import ISSUING, SECRET, SMALLEST, changed, problems

YEAR: Final = 366 * 24 * 3600
NOT_CANONICAL: Final = "must start with '/' and be canonical: no '//', dot segments or any of ;\\%?#"
RULE: Final = {"name": "roster", "tag": "一套表"}
ANCHOR: Final = {"name": "root", "file": "root.pem"}


def test_the_smallest_file_passes() -> None:
    assert problems(SMALLEST) == ()


#: Place, value, the one line that refuses it.
REFUSED: Final[list[tuple[str, object, str]]] = [
    ("site.secret_keys", ["x" * 31], "[site] secret_keys: key no. 1 is shorter than 32 bytes"),
    ("site.secret_keys", [SECRET, "x" * 31], "[site] secret_keys: key no. 2 is shorter than 32 bytes"),
    ("site.secret_keys", [SECRET, ""], "[site] secret_keys: key no. 2 is shorter than 32 bytes"),
    ("site.label", "", "[site] label: must be 1 to 32 of a-z, 0-9 and '-'"),
    ("site.label", "x" * 33, "[site] label: must be 1 to 32 of a-z, 0-9 and '-'"),
    ("site.label", "Survey", "[site] label: must be 1 to 32 of a-z, 0-9 and '-'"),
    ("site.label", "a_b", "[site] label: must be 1 to 32 of a-z, 0-9 and '-'"),
    ("site.label", "survey-attempt", "[site] label: must not end in '-attempt'"),
    ("site.label", "统计", "[site] label: must be 1 to 32 of a-z, 0-9 and '-'"),
    *(
        ("site.prefix", prefix, "[site] prefix: must be a canonical path that starts with '/' and does not end in it")
        for prefix in ("", "/", "certlogin", "/certlogin/", "//certlogin", "/a//b", "/a/../b", "/./a", "/a;b", "/a b")
    ),
    ("trust.forbidden_policies", ["1.2.x"], "[trust] forbidden_policies: '1.2.x' is no object identifier"),
    (
        "trust.required_policies",
        ["1.2.3"],
        "[trust] required_policies: must be empty: OpenSSL's path validation is reached through pyOpenSSL, which "
        "cannot tell it which policies to ask for; forbid the others with forbidden_policies",
    ),
    ("host.auth_cookies", ["session id"], "[host] auth_cookies: 'session id' is no name of a cookie of the host"),
    ("host.auth_cookies", ["a=b"], "[host] auth_cookies: 'a=b' is no name of a cookie of the host"),
    ("host.auth_cookies", ["a;b"], "[host] auth_cookies: 'a;b' is no name of a cookie of the host"),
    ("host.auth_cookies", ["会话"], "[host] auth_cookies: '会话' is no name of a cookie of the host"),
    (
        "host.auth_cookies",
        ["__Host-certlogin-login"],
        "[host] auth_cookies: '__Host-certlogin-login' is no name of a cookie of the host",
    ),
    ("host.auth_cookies", ["a", "b", "a"], "[host] auth_cookies: 'a' is given 2 times"),
    *(
        (
            f"host.paths.{key}",
            [path],
            f"[host.paths] {key}: {path!r} {NOT_CANONICAL}",
        )
        for key in ("login", "public", "machine")
        for path in (
            "login", "", "//x", "/a//b", "/a/./b", "/a/..", "/..", "/a;x", "/a\\b", "/a%2fb", "/a?x", "/a#x", "/a b",
            "/a\u3000b",
        )
        if path
    ),
    ("host.paths.public", ["/"], "[host.paths] public: '/' would cover every path of the host"),
    ("host.paths.machine", ["/"], "[host.paths] machine: '/' would cover every path of the host"),
    ("host.paths.login", ["/a", "/a"], "[host.paths] login: '/a' is given 2 times"),
    ("host.paths.public", ["/a/", "/a/"], "[host.paths] public: '/a/' is given 2 times"),
    ("host.paths.machine", ["/a", "/a"], "[host.paths] machine: '/a' is given 2 times"),
    ("trust.anchors", [ANCHOR, ANCHOR], "[trust] anchors: 'root' is given 2 times"),
    ("trust.reload_seconds", 0, f"[trust] reload_seconds: must be 1 to {YEAR}"),
    ("trust.reload_seconds", YEAR + 1, f"[trust] reload_seconds: must be 1 to {YEAR}"),
    *(
        (f"trust.anchors.0.{key}", [oid], f"[[trust.anchors]] no. 1: {key}: {oid!r} is no object identifier")
        for key in ("unit_code", "unique_id")
        for oid in (
            "", "1", "1.2", "3.1.1", "0.40.1", "1.40.1", "1.2.", ".1.2.3", "1.2.03", "1.2.x", "1.2.３", "unit_code",
            "1.2." + "9" * 41, "2.25." + "9" * 40, "1.2" + ".1" * 200,
        )
        if oid
    ),
    ("trust.anchors.0.unit_code", ["1.2.3", "1.2.3"], "[[trust.anchors]] no. 1: unit_code: '1.2.3' is given 2 times"),
    ("trust.anchors.0.unique_id", ["1.2.3", "1.2.3"], "[[trust.anchors]] no. 1: unique_id: '1.2.3' is given 2 times"),
    ("trust.anchors.0.intermediates", ["a.pem", ""], "[[trust.anchors]] no. 1: intermediates: a file name is empty"),
    ("trust.anchors.0.crls", [""], "[[trust.anchors]] no. 1: crls: a file name is empty"),
    *(
        ("sm2.library", library, "[sm2] library: must be a name, such as libcrypto.so.3, or an absolute path")
        for library in ("./libcrypto.so.3", "lib/libcrypto.so.3", "../libcrypto.so.3")
    ),
    ("ca", {"socket": "ca.sock", "directory": "ca"}, "[ca] socket: give either socket or directory"),
    ("ca.key_types", [], "[ca] key_types: must be some of: SM2, P-256, RSA-2048"),
    ("ca.key_types", ["P-256", "RSA-1024"], "[ca] key_types: must be some of: SM2, P-256, RSA-2048"),
    ("ca.key_types", ["p-256"], "[ca] key_types: must be some of: SM2, P-256, RSA-2048"),
    ("ca.key_types", ["P-256", "P-256"], "[ca] key_types: 'P-256' is given 2 times"),
    ("rules.require", [RULE, RULE], "[rules] require: 'roster' is given 2 times"),
    ("rules.require", [{**RULE, "tag": "exempt"}],
     "[[rules.require]] no. 1: tag: 'exempt' marks accounts that need no certificate"),
    ("rules.require", [{**RULE, "skips": -1}], "[[rules.require]] no. 1: skips: must be 0 to 1000000"),
    ("rules.require", [{**RULE, "skips": 1000001}], "[[rules.require]] no. 1: skips: must be 0 to 1000000"),
    ("rules.renew_days", -1, "[rules] renew_days: must be 0 to 3660"),
    ("rules.renew_days", 3661, "[rules] renew_days: must be 0 to 3660"),
    *((f"tickets.{key}", 0, f"[tickets] {key}: must be 1 to {YEAR}") for key in ("idle", "recheck")),
    *((f"tickets.{key}", YEAR + 1, f"[tickets] {key}: must be 1 to {YEAR}") for key in ("absolute", "recheck")),
    ("tickets.recheck_grace", -1, f"[tickets] recheck_grace: must be 0 to {YEAR}"),
    ("tickets", {"idle": 61, "absolute": 60}, "[tickets] idle: must not be more than absolute"),
    *(
        (f"attempts.{key}", 0, f"[attempts] {key}: must be 1 to {YEAR}")
        for key in ("idle", "hold_max", "challenge", "repeat")
    ),
    *(
        (f"attempts.{key}", YEAR + 1, f"[attempts] {key}: must be 1 to {YEAR}")
        for key in ("total", "hold_max", "challenge", "repeat")
    ),
    *((f"attempts.{key}", 0, f"[attempts] {key}: must be 1 to 1000000") for key in ("per_unit", "per_address")),
    *((f"attempts.{key}", 1000001, f"[attempts] {key}: must be 1 to 1000000") for key in ("per_unit", "per_address")),
    ("attempts.held_max", 0, f"[attempts] held_max: must be 1 to {1 << 40}"),
    ("attempts.held_total", (1 << 40) + 1, f"[attempts] held_total: must be 1 to {1 << 40}"),
    ("attempts", {"idle": 61, "total": 60}, "[attempts] idle: must not be more than total"),
    ("attempts", {"held_max": 61, "held_total": 60}, "[attempts] held_max: must not be more than held_total"),
    ("helper.ports", [], "[helper] ports: must be one or more of 1024 to 65535"),
    ("helper.ports", [1023], "[helper] ports: must be one or more of 1024 to 65535"),
    ("helper.ports", [17561, 65536], "[helper] ports: must be one or more of 1024 to 65535"),
    ("helper.ports", [17561, 17561], "[helper] ports: 17561 is given 2 times"),
    ("helper.countdown", -1, "[helper] countdown: must be 0 to 3600"),
    ("helper.countdown", 3601, "[helper] countdown: must be 0 to 3600"),
    ("stores.volatile", "redis", "[stores] volatile: must be one of: memory"),
    ("stores.volatile", "", "[stores] volatile: must be one of: memory"),
    *(
        ("stores.durable", address,
         "[stores] durable: must be a SQLAlchemy address of an SQLite file or a PostgreSQL database")
        for address in (
            "", "certlogin.db", "sqlite", "sqlite://", "sqlite:///", "sqlite:////", "sqlite:///?x=1", "sqlite://x.db",
            "sqlite:///:memory:", "sqlite:///file::memory:?uri=true", "sqlite:///file:x?mode=memory&uri=true",
            "sqlite:///folder/", "mysql://localhost/x", "postgresql://", "postgresql:x", "SQLITE:///x.db",
        )
    ),
    ("stores.failures_per_minute", 0, "[stores] failures_per_minute: must be 1 to 1000000"),
    ("stores.failures_per_minute", 1000001, "[stores] failures_per_minute: must be 1 to 1000000"),
]  # fmt: skip

#: The same rules, on the side that passes.
ACCEPTED: Final[list[tuple[str, object]]] = [
    ("site.secret_keys", ["x" * 32]),
    ("site.secret_keys", ["统" * 11]),
    ("site.label", "x"),
    ("site.label", "survey-2026-" + "x" * 20),
    ("site.prefix", "/a/b.c/证书"),
    ("host.auth_cookies", ["session", "remember_token", "__Host-session", "!#$%&'*+.^_`|~"]),
    ("host.paths.login", ["/"]),
    ("host.paths.login", ["/login", "/Login", "/login/", "/a.b/..c/登录"]),
    ("host.paths.public", ["/static/", "/welcome", "/a//"[:-1]]),
    ("host.paths.machine", ["/api/", "/health"]),
    ("trust.reload_seconds", 1),
    ("trust.reload_seconds", YEAR),
    ("trust.anchors.0.unit_code", []),
    ("trust.anchors.0.unit_code", ["1.2.156.10260.4.1.4", "0.39.1", "2.999.1"]),
    ("trust.anchors.0.unique_id", ["2.25.340282366920938463463374607431768211455"]),
    ("sm2.library", "libcrypto.so.3"),
    ("sm2.library", "/opt/openssl/lib/libcrypto.so.3"),
    ("ca", {"socket": "ca.sock"}),
    ("ca.key_types", ["RSA-2048"]),
    ("ca.key_types", ["SM2"]),
    ("rules.renew_days", 0),
    ("rules.renew_days", 3660),
    ("tickets", {"absolute": 1, "idle": 1, "recheck": YEAR, "recheck_grace": 0}),
    ("tickets", {"absolute": YEAR, "idle": YEAR, "recheck_grace": YEAR}),
    ("attempts", {"idle": 1, "total": 1, "hold_max": 1, "challenge": 1, "repeat": 1, "held_max": 1, "held_total": 1,
                  "per_unit": 1, "per_address": 1}),
    ("attempts", {"idle": YEAR, "total": YEAR, "hold_max": YEAR, "held_max": 1 << 40, "held_total": 1 << 40,
                  "per_unit": 1000000}),
    ("helper.ports", [1024, 65535]),
    ("helper.countdown", 0),
    ("helper.countdown", 3600),
    ("stores.durable", "sqlite:///certlogin.db"),
    ("stores.durable", "sqlite:////var/lib/certlogin/certlogin.db?timeout=1"),
    ("stores.durable", "postgresql+psycopg://certlogin:secret@db/certlogin"),
    ("stores.failures_per_minute", 1),
]  # fmt: skip


@pytest.mark.parametrize(("path", "value", "line"), REFUSED, ids=[f"{row[0]}={row[1]!r:.40}" for row in REFUSED])
def test_what_a_rule_refuses_is_refused_in_one_line(path: str, value: object, line: str) -> None:
    assert problems(changed(path, value)) == (line,)


@pytest.mark.parametrize(("path", "value"), ACCEPTED, ids=[f"{row[0]}={row[1]!r:.40}" for row in ACCEPTED])
def test_the_nearest_value_on_the_other_side_passes(path: str, value: object) -> None:
    assert problems(changed(path, value)) == ()


def test_an_empty_name_of_a_cookie_is_refused() -> None:
    assert problems(changed("host.auth_cookies", [""])) == (
        "[host] auth_cookies: '' is no name of a cookie of the host",
        "[host] auth_cookies: an entry is empty",
    )


# What no table can judge alone


def test_units_that_must_download_a_certificate_need_somebody_to_issue_it() -> None:
    (line,) = problems(changed("rules.require", [RULE]))
    assert line.startswith("[ca] socket: is missing; units that need a certificate could download none")
    assert "[adoption] unregistered = 'match'" in line
    assert problems(changed("rules.require", [RULE], ISSUING)) == ()
    assert problems(changed("rules.require", [{**RULE, "stage": "report"}])) == ()
    assert problems(changed("adoption.unregistered", "match", changed("rules.require", [RULE]))) == ()


def test_skips_may_be_none_or_a_million() -> None:
    rules = [{**RULE, "skips": 0}, {"name": "other", "tag": "一套表", "skips": 1000000}]
    assert problems(changed("rules.require", rules, ISSUING)) == ()


#: The settings are taken.
TAKEN: Final = "assert 0 == 1"


@without({"certlogin.settings.checks._rotation": lambda _: ()}, sees=TAKEN)
def test_s1_a_host_that_keeps_its_session_id_is_refused_with_the_reason() -> None:
    found = problems(changed("host.rotates", False))
    assert len(found) == 1
    assert found[0].startswith("[host] rotates: false is refused for now")
    assert "session from before the login could enter" in found[0]
    assert problems(changed("host.rotates", True)) == ()


@without({"certlogin.settings.checks._ca_inside": lambda *_: ()}, sees=TAKEN)
def test_s28_the_ca_runs_in_this_process_in_development_only() -> None:
    inside = changed("ca", {"directory": "ca"})
    found = problems(inside)
    assert len(found) == 1
    assert found[0].startswith("top level: [ca] directory: the CA runs inside this process in mode 'development' only")
    development = {"mode": "development", "origin": "http://127.0.0.1:8000", "secret_keys": [SECRET]}
    assert problems(changed("site", development, inside)) == ()


@without({"certlogin.settings.checks._paths_apart": lambda *_: ()}, sees="assert () == (")
@pytest.mark.parametrize("key", ["login", "public", "machine"])
@pytest.mark.parametrize("path", ["/certlogin", "/certlogin/", "/certlogin/x", "/certlogin/x/"])
def test_s4_no_path_of_the_host_lies_below_our_own(key: str, path: str) -> None:
    assert problems(changed(f"host.paths.{key}", [path])) == (
        f"top level: [host.paths] {path!r} lies below certlogin's own prefix",
    )


@pytest.mark.parametrize("path", ["/certlogins", "/certlogin.html", "/Certlogin", "/x/certlogin"])
def test_a_path_that_only_looks_like_ours_passes(path: str) -> None:
    assert problems(changed("host.paths.login", [path])) == ()


def test_every_problem_is_told_at_once() -> None:
    data: Any = changed("helper.countdown", -1, changed("site.label", "A", changed("rules.renew_days", -1)))
    assert [problem.split()[0] for problem in problems(data)] == ["[site]", "[rules]", "[helper]"]
