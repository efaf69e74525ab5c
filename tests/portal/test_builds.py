"""The installers' data file, and which of them fit the computer in front."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from certlogin.errors import ConfigurationError
from certlogin.portal.builds import (
    Arch,
    Build,
    Package,
    Strength,
    System,
    guess_arch,
    load_builds,
    offers,
    parse_builds,
)

SHA = "ab" * 32
ROW = {
    "version": "1.5.1.0",
    "os": "kylin",
    "arch": "aarch64",
    "package": "deb",
    "sha256": SHA,
    "url": "/downloads/CertHelper_1.5.1.0_arm64.deb",
    "file": "CertHelper_1.5.1.0_arm64.deb",
}
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"


def _file(*rows: dict[str, Any], **members: Any) -> str:
    return json.dumps({"product": "CertHelper", "builds": list(rows), **members})


def _row(**changes: Any) -> dict[str, Any]:
    return {**ROW, **changes}


def _problems(text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        parse_builds(text)
    assert all(problem.startswith("helper.builds: ") for problem in caught.value.problems)
    return "\n".join(caught.value.problems)


# --- the file shipped


def test_b10_the_shipped_file_names_every_system_and_processor() -> None:
    builds = load_builds("")
    combined = {(build.os, build.arch) for build in builds}
    linux = {System.KYLIN, System.UOS, System.NEOKYLIN}
    assert {(system, arch) for system in linux for arch in (Arch.X86_64, Arch.AARCH64, Arch.MIPS64EL)} <= combined
    assert (System.WINDOWS, Arch.X86_64) in combined


def test_b4_every_shipped_file_name_carries_product_and_four_part_version() -> None:
    for build in load_builds(""):
        assert build.product in build.file
        assert build.version_text in build.file
        assert len(build.version) == 4


def test_the_shipped_file_says_that_nothing_is_published_yet() -> None:
    assert not any(build.is_published for build in load_builds(""))


def test_a_file_of_ones_own_replaces_the_shipped_one(tmp_path: Path) -> None:
    file = tmp_path / "builds.json"
    file.write_text(_file(ROW), encoding="utf-8")
    (build,) = load_builds(str(file))
    assert build == Build(
        product="CertHelper",
        version=(1, 5, 1, 0),
        os=System.KYLIN,
        arch=Arch.AARCH64,
        package=Package.DEB,
        sha256=SHA,
        url=ROW["url"],
        file=ROW["file"],
    )
    assert build.is_published


def test_a_file_that_is_missing_or_no_text_stops_the_start(tmp_path: Path) -> None:
    for content in (None, b"\xff\xfe"):
        file = tmp_path / "builds.json"
        if content is not None:
            file.write_bytes(content)
        with pytest.raises(ConfigurationError) as caught:
            load_builds(str(file))
        assert str(file) in caught.value.problems[0]


# --- strict reading


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not readable as JSON"),
        ("[" * 100_000, "not readable as JSON"),
        ('{"product": "A", "product": "B", "builds": []}', "a member appears twice"),
        ("[]", "must hold one object"),
        (_file(ROW, extra=1), "unknown member 'extra'"),
        (json.dumps({"builds": []}), "'product' must be"),
        (_file(product="Cert Helper"), "'product' must be"),
        (json.dumps({"product": "A"}), "'builds' must be a list"),
        (json.dumps({"product": "A", "builds": ["x"]}), "builds[0] must be an object"),
        (_file({"version": "1.5.1.0"}), "missing member 'arch'"),
        (_file(_row(size=1)), "unknown member 'size'"),
        (_file(ROW, ROW), "listed twice"),
    ],
)
def test_what_is_no_list_of_builds_is_refused_by_name(text: str, problem: str) -> None:
    assert problem in _problems(text)


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("version", "1.5.1"), ("version", "1.5.1.0.0"), ("version", "01.5.1.0"), ("version", "1.5.1.x"),
        ("version", "１.5.1.0"), ("version", 1), ("version", "1.5.1.0\n"),
        ("os", "macos"), ("os", "Kylin"), ("os", None), ("arch", "arm64"), ("arch", ""), ("package", "msi"),
        ("sha256", SHA.upper()), ("sha256", SHA[1:]), ("sha256", SHA + "0"), ("sha256", 0),
        ("url", "http://example.cn/a.deb"), ("url", "//example.cn/a.deb"), ("url", "javascript:alert(1)"),
        ("url", "https:///a.deb"), ("url", "/a b"), ("url", "/a?x=1"), ("url", "/a\"onclick=x"), ("url", "a.deb"),
        ("file", "../a.deb"), ("file", "a/b.deb"), ("file", ""), ("file", ".deb"), ("file", "a b.deb"),
    ],
)  # fmt: skip
def test_every_member_of_a_build_is_checked(member: str, value: object) -> None:
    assert f"builds[0].{member} must be" in _problems(_file(_row(**{member: value})))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"package": "rpm", "file": "CertHelper-1.5.1.0.rpm"}, "kylin installs deb, not rpm"),
        ({"os": "neokylin"}, "neokylin installs rpm, not deb"),
        ({"os": "windows"}, "windows installs exe, not deb"),
        ({"file": "CertHelper_1.5.1.0_arm64.rpm"}, "must end in .deb"),
        ({"file": "Helper_1.5.1.0_arm64.deb"}, "must carry CertHelper and 1.5.1.0"),
        ({"file": "CertHelper_1.5.1_arm64.deb"}, "must carry CertHelper and 1.5.1.0"),
        ({"file": "CertHelper_1.5.1.01_arm64.deb"}, "must carry CertHelper and 1.5.1.0"),
        ({"file": "CertHelper_11.5.1.0_arm64.deb"}, "must carry CertHelper and 1.5.1.0"),
        ({"file": "CertHelper_1.5.1.0.2_arm64.deb"}, "must carry CertHelper and 1.5.1.0"),
    ],
)
def test_b4_a_name_must_fit_the_build(changes: dict[str, str], problem: str) -> None:
    assert problem in _problems(_file(_row(**changes)))


def test_every_row_with_a_mistake_is_named() -> None:
    found = _problems(_file(_row(os="x"), ROW, _row(arch="y", sha256="z")))
    assert "builds[0].os" in found
    assert "builds[2].arch" in found
    assert "builds[2].sha256" in found
    assert "builds[1]" not in found


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda some: st.lists(some) | st.dictionaries(st.text(), some),
    )
)
def test_no_document_whatever_gets_past_as_something_else(document: Any) -> None:
    with pytest.raises(ConfigurationError):
        parse_builds(json.dumps(document))


@given(st.sampled_from(sorted(ROW)), st.text() | st.integers() | st.none())
def test_a_build_read_is_one_that_keeps_every_rule(member: str, value: object) -> None:
    try:
        builds = parse_builds(_file(_row(**{member: value})))
    except ConfigurationError:
        return
    (build,) = builds
    assert build.url.startswith(("/", "https://"))
    assert build.file.endswith(".deb")
    assert len(build.sha256) == 64


def test_builds_stand_in_the_order_of_the_page_whatever_the_file() -> None:
    windows = _row(
        os="windows", arch="x86_64", package="exe", file="CertHelper_1.5.1.0.exe", url="/CertHelper_1.5.1.0.exe"
    )
    builds = parse_builds(_file(ROW, _row(arch="x86_64"), windows))
    assert [(build.os, build.arch) for build in builds] == [
        (System.WINDOWS, Arch.X86_64),
        (System.KYLIN, Arch.X86_64),
        (System.KYLIN, Arch.AARCH64),
    ]


# --- the guess


@pytest.mark.parametrize(
    ("agent", "arch", "strength", "family"),
    [
        (f"Mozilla/5.0 (X11; Linux x86_64) {CHROME}", Arch.X86_64, Strength.WEAK, "linux"),
        (f"Mozilla/5.0 (X11; Linux aarch64) {CHROME}", Arch.AARCH64, Strength.STRONG, "linux"),
        (f"Mozilla/5.0 (X11; Linux arm64) {CHROME}", Arch.AARCH64, Strength.STRONG, "linux"),
        (f"Mozilla/5.0 (X11; Linux mips64) {CHROME}", Arch.MIPS64EL, Strength.STRONG, "linux"),
        ("Mozilla/5.0 (X11; Linux mips64el; rv:45.0) Firefox/45.0", Arch.MIPS64EL, Strength.STRONG, "linux"),
        (f"Mozilla/5.0 (X11; Linux loongarch64) {CHROME}", Arch.LOONGARCH64, Strength.STRONG, "linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME}", Arch.X86_64, Strength.WEAK, "windows"),
        (f"Mozilla/5.0 (Windows NT 10.0; WOW64) {CHROME}", Arch.X86_64, Strength.WEAK, "windows"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {CHROME}", None, Strength.NONE, None),
        (f"Mozilla/5.0 (Linux; Android 15; aarch64) {CHROME}", Arch.AARCH64, Strength.STRONG, None),
        ("", None, Strength.NONE, None),
        ("mymips64elephant notaarch64x", None, Strength.NONE, None),
    ],
)  # fmt: skip
def test_b9_the_processor_is_read_from_the_user_agent(
    agent: str, arch: Arch | None, strength: Strength, family: str | None
) -> None:
    guess = guess_arch(agent, {})
    assert (guess.arch, guess.strength, guess.os) == (arch, strength, family)


@pytest.mark.parametrize(
    ("hints", "arch", "strength"),
    [
        ({"Sec-CH-UA-Arch": '"arm"', "Sec-CH-UA-Bitness": '"64"'}, Arch.AARCH64, Strength.STRONG),
        ({"sec-ch-ua-arch": '"x86"', "sec-ch-ua-bitness": '"64"'}, Arch.X86_64, Strength.STRONG),
        ({"sec-ch-ua-arch": '"x86"', "sec-ch-ua-bitness": '"32"'}, Arch.X86_64, Strength.WEAK),
        ({"sec-ch-ua-arch": '""', "sec-ch-ua-bitness": '""'}, Arch.X86_64, Strength.WEAK),
        ({"sec-ch-ua-arch": "mips"}, Arch.X86_64, Strength.WEAK),
    ],
)
def test_b9_client_hints_say_more_than_the_user_agent(hints: dict[str, str], arch: Arch, strength: Strength) -> None:
    guess = guess_arch(f"Mozilla/5.0 (X11; Linux x86_64) {CHROME}", hints)
    assert (guess.arch, guess.strength) == (arch, strength)


def test_b9_the_platform_hint_names_the_system() -> None:
    assert guess_arch("", {"Sec-CH-UA-Platform": '"Windows"'}).os == "windows"
    assert guess_arch("", {"Sec-CH-UA-Platform": '"Linux"'}).os == "linux"


def test_b9_only_matching_builds_fit_and_b10_none_is_lost() -> None:
    builds = load_builds("")
    fitting, others = offers(builds, guess_arch(f"Mozilla/5.0 (X11; Linux mips64) {CHROME}", {}))
    assert {(build.os, build.arch) for build in fitting} == {
        (System.KYLIN, Arch.MIPS64EL),
        (System.UOS, Arch.MIPS64EL),
        (System.NEOKYLIN, Arch.MIPS64EL),
    }
    assert sorted(map(str, (*fitting, *others))) == sorted(map(str, builds))


@given(st.text(), st.dictionaries(st.text(), st.text()))
def test_a_browser_may_say_what_it_likes(agent: str, hints: dict[str, str]) -> None:
    builds = load_builds("")
    fitting, others = offers(builds, guess_arch(agent, hints))
    assert len(fitting) + len(others) == len(builds)
