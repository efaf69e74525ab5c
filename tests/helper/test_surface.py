"""What the helper's own source may not contain (8, 10, 18, 20), and how it holds its port (7)."""

import ast
import re
import socket
from pathlib import Path

import pytest

import certlogin
from certlogin.errors import Unavailable, leaves
from certlogin.helper.config import HelperConfig
from certlogin.helper.origins import Origin
from certlogin.helper.refusals import HelperRefusal
from certlogin.helper.server import ADDRESS, open_listener
from certlogin.wire.payload import SignedPayload

_PACKAGE = Path(certlogin.__file__).parent
_HELPER = sorted((_PACKAGE / "helper").rglob("*.py"))
_PAGES = sorted([*(_PACKAGE / "static").rglob("*.js"), *(_PACKAGE / "templates").rglob("*.html")])


def test_threat_8_nobody_says_localhost() -> None:
    assert _HELPER
    assert _PAGES
    sources = [*_HELPER, *_PAGES, _PACKAGE / "cli" / "helper.py", _PACKAGE / "cli" / "helper_doctor.py"]
    assert [path for path in sources if "localhost" in path.read_text("utf-8").lower()] == []
    assert ADDRESS == "127.0.0.1"


def test_threat_8_companion_the_name_may_lead_elsewhere() -> None:
    # Which address comes first is the machine's to say; a listener on the other one is another program's.
    found = {entry[4][0] for entry in socket.getaddrinfo("localhost", 1, type=socket.SOCK_STREAM)}
    assert found <= {"127.0.0.1", "::1"}
    with socket.create_server(("127.0.0.1", 0)) as ours:
        port = ours.getsockname()[1]
        try:
            with socket.create_server(("::1", port), family=socket.AF_INET6) as squatter:
                assert squatter.getsockname()[1] == port
        except OSError:
            pytest.skip("this machine has no IPv6")


def test_threat_10_no_page_has_a_field_for_a_pin() -> None:
    for path in _PAGES:
        source = path.read_text("utf-8")
        assert not re.search(r"""type\s*=\s*["']?password""", source, re.IGNORECASE), path
        assert not re.search(r"""name\s*=\s*["']?pin\b""", source, re.IGNORECASE), path


def _calls(path: Path) -> set[str]:
    tree = ast.parse(path.read_text("utf-8"))
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def test_threat_18_nothing_is_executed_updated_or_unpickled_and_one_place_starts_programs() -> None:
    starting = [path.name for path in _HELPER if any(call.startswith("subprocess.") for call in _calls(path))]
    assert starting == ["pinentry.py"]
    forbidden = re.compile(r"eval|exec|__import__|compile|os\.(system|popen|exec\w*|spawn\w*)|pickle\.\w+|urlopen")
    assert {call for path in _HELPER for call in _calls(path) if forbidden.fullmatch(call)} == set()


def test_threat_1_no_call_takes_a_hash_or_bytes_to_sign() -> None:
    signing = ast.parse((_PACKAGE / "helper" / "signing.py").read_text("utf-8"))
    public = [node for node in signing.body if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")]
    parameters = {node.name: [argument.arg for argument in node.args.args] for node in public}
    assert parameters == {
        "sign_payload": ["key", "payload"],
        "sign_helper_proof": ["key", "origin", "challenge"],
        "build_request": ["key", "challenge"],
        # Writes a signature in another form.
        "to_der": ["signature"],
    }
    # The second one signs with the helper's own key, under a prefix of its own.
    assert SignedPayload.__annotations__["purpose"] is not bytes
    assert Origin.__annotations__["text"] is str


def test_threat_1_only_one_module_builds_what_is_signed_and_no_token_takes_anything_else() -> None:
    assert [path.name for path in _HELPER if "Built" in _calls(path)] == ["signing.py"]
    for path in (_PACKAGE / "helper" / "tokens").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("sign"):
                taken = [(argument.arg, ast.unparse(argument.annotation or node)) for argument in node.args.args[1:]]
                assert taken in (
                    [("built", "Built"), ("algorithm", "str")],
                    [("key_id", "str"), ("payload", "SignedPayload")],
                ), (path.name, node.name)


def test_threat_7_two_programs_do_not_share_a_port() -> None:
    with open_listener([0]) as first:
        port = first.getsockname()[1]
        assert first.getsockname()[0] == "127.0.0.1"
        with pytest.raises(Unavailable, match=f"no free port among {port}"):
            open_listener([port])
        for address in ("127.0.0.1", "0.0.0.0"):  # noqa: S104
            with socket.socket() as squatter:
                squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                with pytest.raises(OSError, match="Address already in use"):
                    squatter.bind((address, port))
        # The next configured port is taken instead.
        with open_listener([port, 0]) as second:
            assert second.getsockname()[1] != port


def test_a_port_is_free_again_as_soon_as_the_helper_has_ended() -> None:
    with open_listener([0]) as first:
        port = first.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            first.accept()[0].close()
    open_listener([port]).close()


def test_every_refusal_of_the_protocol_has_its_code() -> None:
    codes = [leaf.code for leaf in leaves(HelperRefusal) if leaf is not HelperRefusal]
    assert len(codes) == len(set(codes))
    assert set(codes) == {
        "user_cancelled", "pin_wrong", "pin_locked", "no_token", "no_certificate", "token_removed", "origin_refused",
        "not_paired", "wrong_user", "busy", "expired", "unsupported_protocol", "wrong_host", "no_pin_dialog",
        "no_text_dialog",
    }  # fmt: skip


def test_the_defaults_are_the_protocols() -> None:
    config = HelperConfig(Path("a"), Path("b"))
    assert (config.ports, config.prompt, config.dev) == ((17561, 17562, 17563), 120, False)
