"""The helper's configuration: every mistake is named, none is guessed away."""

from pathlib import Path

import pytest

from certlogin.errors import ConfigurationError
from certlogin.helper.config import (
    HelperConfig,
    Language,
    ModuleSettings,
    SM2Settings,
    environment_of_process,
    load_config,
)
from certlogin.helper.limits import LimitSettings
from certlogin.helper.origins import Grant
from tests.helper.world import grants

_GOOD = """
state = "here/state"
tokens = "/srv/tokens"
ports = [17561, 0]
prompt = 60
name = "证书助手-统计局专版"
language = "en"
pinentry = ["/usr/bin/pinentry-qt", "--x"]
[limits]
requests_per_minute = 20
[[origins]]
origin = "https://survey.stats.gov.cn"
may = ["login", "certificates", "enroll"]
[[origins]]
origin = "https://*.stats.gov.cn:8443"
[[modules]]
path = "/usr/lib/es/libes_3000gm.so"
name = "3000GM"
[sm2]
library = "/opt/openssl/libcrypto.so.3"
"""


def _load(folder: Path, text: str, *, dev: bool = False) -> HelperConfig:
    path = folder / "helper.toml"
    path.write_text(text, "utf-8")
    return load_config(path, {"HOME": "/home/user"}, dev=dev)


def _problems(folder: Path, text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigurationError) as caught:
        _load(folder, text)
    return caught.value.problems


def test_a_whole_configuration(tmp_path: Path) -> None:
    assert _load(tmp_path, _GOOD) == HelperConfig(
        state=tmp_path / "here/state",
        tokens=Path("/srv/tokens"),
        ports=(17561, 0),
        origins=(
            *grants("login", "certificates", "enroll", origin="https://survey.stats.gov.cn"),
            Grant("https://*.stats.gov.cn:8443", frozenset()),
        ),
        pinentry=("/usr/bin/pinentry-qt", "--x"),
        name="证书助手-统计局专版",
        language=Language.EN,
        prompt=60,
        limits=LimitSettings(requests_per_minute=20),
        modules=(ModuleSettings(Path("/usr/lib/es/libes_3000gm.so"), "3000GM"),),
        sm2=SM2Settings("/opt/openssl/libcrypto.so.3"),
    )


def test_an_empty_file_and_no_file_are_the_defaults(tmp_path: Path) -> None:
    state = Path("/home/user/.local/state/certlogin/helper")
    for config in (_load(tmp_path, ""), load_config(None, {"HOME": "/home/user"})):
        assert (config.state, config.tokens, config.ports) == (state, state / "tokens", (17561, 17562, 17563))
        assert (config.dev, config.origins, config.pinentry, config.prompt) == (False, (), (), 120)
        assert config.limits == LimitSettings(10, 3, 300, 3, 4)
        assert (config.modules, config.sm2) == ((), SM2Settings(""))


def test_the_users_own_file_is_found_by_itself(tmp_path: Path) -> None:
    folder = tmp_path / "certlogin"
    folder.mkdir()
    (folder / "helper.toml").write_text("prompt = 7\n")
    environment = {"XDG_CONFIG_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path / "state")}
    config = load_config(None, environment)
    assert (config.prompt, config.state) == (7, tmp_path / "state/certlogin/helper")


def test_development_mode_may_be_switched_on_from_outside_and_not_off(tmp_path: Path) -> None:
    assert _load(tmp_path, "", dev=True).dev
    assert _load(tmp_path, "dev = true").dev
    assert load_config(None, {"HOME": str(tmp_path)}, dev=True).dev
    local = '[[origins]]\norigin = "http://127.0.0.1:8000"\n'
    assert _load(tmp_path, local, dev=True).origins == (Grant("http://127.0.0.1:8000", frozenset()),)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("brand = 'x'", "unknown key 'brand' in the file; known keys: state, tokens,"),
        ("prots = [1]", "did you mean 'ports'?"),
        ("state = 1", "state must be of type str"),
        ("dev = 1", "dev must be of type bool"),
        ("prompt = true", "prompt must be of type int"),
        ("prompt = 0", "prompt must be positive"),
        ("ports = 17561", "ports must be of type list"),
        ("ports = []", "ports must be a list of port numbers"),
        ("ports = [true]", "ports must be a list of port numbers"),
        ("ports = [65536]", "ports must be a list of port numbers"),
        ("ports = ['17561']", "ports must be a list of port numbers"),
        ("language = 'fr'", "language must be one of zh-CN, en"),
        ("name = 7", "name must be of type str"),
        ("pinentry = [1]", "pinentry must be a path or a list of words"),
        ("pinentry = 1", "pinentry must be a path or a list of words"),
        ("pinentry = ['python', '-m', 'certlogin.helper.pin.scripted']", "works in development mode only"),
        ("limits = 1", "limits must be of type dict"),
        ("[limits]\nrefusal = 3", "unknown key 'refusal' in limits"),
        ("[limits]\nrefusals = 0", "refusals must be positive"),
        ("[limits]\nrefusals = '3'", "refusals must be of type int"),
        ("origins = ['https://a.cn']", "every entry of origins needs an origin"),
        ("[[origins]]\nmay = ['login']", "every entry of origins needs an origin"),
        ("[[origins]]\norigin = 'https://a.cn'\nmai = []", "unknown key 'mai' in origins"),
        ("[[origins]]\norigin = 'https://a.cn'\nmay = ['sign']", "may 'sign' is none of login, certificates, enroll"),
        ("[[origins]]\norigin = 'https://a.cn'\nmay = [{}]", "may {} is none of"),
        ("[[origins]]\norigin = 'https://a.cn'\nmay = 'login'", "may must be of type list"),
        ("[[origins]]\norigin = 'http://127.0.0.1:8000'", "is no canonical https origin"),
        ("[[origins]]\norigin = 'https://a.cn/'", "is no canonical https origin"),
        ("[[origins]]\norigin = '*'", "is no canonical https origin"),
        ("[[origins]]\norigin = 'https://*'", "is no canonical https origin"),
        ("[[origins]]\norigin = 'https://a.*.cn'", "is no canonical https origin"),
        ("[[origins]]\norigin = 'http://*.a.cn'", "is no canonical https origin"),
        ("modules = ['/a.so']", "every entry of modules needs a path and a name"),
        ("[[modules]]\npath = '/a.so'", "every entry of modules needs a path and a name"),
        ("[[modules]]\npath = '/a.so'\nname = 1", "every entry of modules needs a path and a name"),
        ("[[modules]]\npath = 'a.so'\nname = 'a'", "modules: 'a.so' is no absolute path"),
        ("[[modules]]\npath = '/a.so'\nname = ''", "modules: the name of /a.so must be 1 to 64 printable"),
        ("[[modules]]\npath = '/a.so'\nname = '" + "x" * 65 + "'", "must be 1 to 64 printable"),
        ("[[modules]]\npath = '/a.so'\nname = \"a\\u0007\"", "must be 1 to 64 printable"),
        ("[[modules]]\npath = '/a.so'\nname = 'a'\nslot = 1", "unknown key 'slot' in modules"),
        ("[[modules]]\npath = '/a.so'\nname = 'a'\n" * 2, "modules: a path stands there twice"),
        ("sm2 = 1", "sm2 must be of type dict"),
        ("[sm2]\nlib = '/x'", "unknown key 'lib' in sm2; known keys: library; did you mean 'library'?"),
        ("[sm2]\nlibrary = 1", "library must be of type str"),
        ("state = [", "helper.toml: "),
        ("\ud800".encode("utf-8", "surrogatepass").decode("latin-1"), "helper.toml: "),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, said: str) -> None:
    (problem,) = _problems(tmp_path, text)
    assert said in problem


def test_every_mistake_is_named_at_once(tmp_path: Path) -> None:
    assert len(_problems(tmp_path, "stat = 'x'\nprompt = -1\nports = []\nlanguage = 'x'\n")) == 4


def test_a_file_that_is_not_there_and_one_that_is_no_text_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nothing\.toml"):
        load_config(tmp_path / "nothing.toml", {})
    (tmp_path / "helper.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigurationError, match=r"helper\.toml"):
        load_config(tmp_path / "helper.toml", {})


def test_the_scripted_pinentry_and_one_word_are_fine_where_they_belong(tmp_path: Path) -> None:
    text = "dev = true\npinentry = ['python', '-m', 'certlogin.helper.pin.scripted']"
    assert _load(tmp_path, text).pinentry[2] == "certlogin.helper.pin.scripted"
    assert _load(tmp_path, "pinentry = '/usr/bin/pinentry'").pinentry == ("/usr/bin/pinentry",)
    assert _load(tmp_path, "pinentry = ''").pinentry == ()


def test_the_environment_is_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CERTLOGIN_SOMETHING", "1")
    assert environment_of_process()["CERTLOGIN_SOMETHING"] == "1"
