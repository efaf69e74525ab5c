"""Pairing, the pinned key of the helper, and what the page remembers."""

from collections.abc import Mapping
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests import factory
from tests.pages.conftest import Module
from tests.pages.helper import encode

pytestmark = pytest.mark.browser

ORIGIN = "https://survey.example.cn"
CHALLENGE = bytes(range(32))


def _key(name: str) -> ec.EllipticCurvePrivateKey:
    found = factory.key(name)
    assert isinstance(found, ec.EllipticCurvePrivateKey)
    return found


def _public(name: str) -> str:
    return encode(_key(name).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _proof(name: str = "helper", origin: str = ORIGIN, challenge: bytes = CHALLENGE) -> str:
    return encode(factory.sign(_key(name), b"CERTLOGIN-HELPER-V1\0" + origin.encode() + b"\0" + challenge))


def _verify(module: Module, key: str, proof: object, origin: str = ORIGIN, challenge: bytes = CHALLENGE) -> Any:
    script = """async (m, [key, origin, challenge, proof]) => {
        try { return await m.verifyHelper(crypto, key, origin, Uint8Array.from(challenge), proof); }
        catch (failure) { return failure.code || failure.name; }
    }"""
    return module("session.js", script, [key, origin, list(challenge), proof])


# --- the helper's proof


def test_the_pinned_helper_is_recognised(module: Module) -> None:
    assert _verify(module, _public("helper"), _proof()) is True


def test_threat_7_another_programs_proof_is_not_that_of_the_helper(module: Module) -> None:
    assert _verify(module, _public("helper"), _proof("squatter")) is False
    assert _verify(module, _public("helper"), _proof(origin="https://evil.example")) is False
    assert _verify(module, _public("helper"), _proof(challenge=b"\0" * 32)) is False
    # The attack's only obstacle is the pinned key: with the squatter's own it succeeds.
    assert _verify(module, _public("squatter"), _proof("squatter")) is True


def test_every_changed_bit_of_a_proof_is_noticed(module: Module) -> None:
    good = factory.sign(_key("helper"), b"CERTLOGIN-HELPER-V1\0" + ORIGIN.encode() + b"\0" + CHALLENGE)
    for at in range(0, len(good), 7):
        changed = bytes([*good[:at], good[at] ^ 1, *good[at + 1 :]])
        assert _verify(module, _public("helper"), encode(changed)) is False


@pytest.mark.parametrize("proof", ["", "AA", None, 7, "not base64url!", "A" * 200])
def test_what_is_no_signature_is_no_proof(module: Module, proof: object) -> None:
    assert _verify(module, _public("helper"), proof) is not True


@pytest.mark.parametrize("key", ["", "AAAA", "%"])
def test_what_is_no_key_proves_nothing(module: Module, key: str) -> None:
    assert _verify(module, key, _proof()) is not True


def test_a_page_without_cryptography_says_that_its_address_is_not_secure(module: Module) -> None:
    script = """async (m) => {
        try { return await m.verifyHelper({}, "", "", new Uint8Array(), ""); } catch ({ code }) { return code; }
    }"""
    assert module("session.js", script) == "insecure_page"


# --- memory


def _remember(module: Module, script: str) -> Any:
    whole = """async (m) => {
        const lasting = fakes.storage();
        const passing = fakes.storage();
        const memory = new m.Memory(() => lasting, () => passing);
        const all = () => [...lasting.held.keys()].map((name) => `lasting ${name}`)
            .concat([...passing.held.keys()].map((name) => `passing ${name}`)).sort();
        %s
    }"""
    return module("session.js", whole % script)


def test_a_pairing_for_ever_is_kept_for_ever(module: Module) -> None:
    script = 'memory.keep("K", "T", true); return [memory.helperKey(), memory.token(), all()];'
    kept = ["lasting certlogin.helper_key", "lasting certlogin.helper_token"]
    assert _remember(module, script) == ["K", "T", kept]


def test_a_pairing_for_once_keeps_the_token_for_this_tab_only_and_the_key_for_ever(module: Module) -> None:
    script = 'memory.keep("K", "T", false); return [memory.helperKey(), memory.token(), all()];'
    kept = ["lasting certlogin.helper_key", "passing certlogin.helper_token"]
    assert _remember(module, script) == ["K", "T", kept]


def test_a_later_pairing_for_once_ends_the_one_for_ever(module: Module) -> None:
    script = 'memory.keep("K", "T", true); memory.keep("K", "U", false); return [memory.token(), all()];'
    kept = ["lasting certlogin.helper_key", "passing certlogin.helper_token"]
    assert _remember(module, script) == ["U", kept]


def test_forgetting_leaves_nothing(module: Module) -> None:
    script = """
        memory.keep("K", "T", true);
        passing.setItem("certlogin.helper_token", "U");
        memory.forget();
        return [memory.helperKey(), memory.token(), all()];"""
    assert _remember(module, script) == [None, None, []]


def test_where_the_browser_forbids_its_storage_the_page_remembers_as_long_as_it_lives(module: Module) -> None:
    script = """(m) => {
        const forbid = () => { throw new DOMException("denied", "SecurityError"); };
        const memory = new m.Memory(forbid, () => null);
        const before = [memory.helperKey(), memory.token()];
        memory.keep("K", "T", false);
        const kept = [memory.helperKey(), memory.token()];
        memory.forget();
        return [before, kept, [memory.helperKey(), memory.token()]];
    }"""
    assert module("session.js", script) == [[None, None], ["K", "T"], [None, None]]


# --- the session

_SESSION = """async (m, given) => {
    const clock = fakes.clock();
    const asked = [];
    const said = [];
    const fetch = (address, options) => new Promise((resolve, reject) => {
        const name = address.split("/v1/")[1];
        const { headers, body } = options;
        const token = headers.Authorization || "";
        asked.push({ name, address, body: JSON.parse(body), token, options: { ...options, signal: 0 } });
        options.signal.addEventListener("abort", () => reject(new DOMException("aborted", "AbortError")));
        const list = given.answers[name] || [{}];
        const answer = list.length > 1 ? list.shift() : list[0];
        if (answer === "silent") return;
        if (answer === "gone") return reject(new TypeError("Failed to fetch"));
        const json = async () => { if (answer === "text") throw new SyntaxError("no JSON"); return answer; };
        resolve({ ok: !(answer && answer.error), json });
    });
    const memory = new m.Memory(() => fakes.storage(), () => fakes.storage());
    if (given.paired) memory.keep(given.paired, "dG9rZW4", true);
    const counted = (bytes) => { bytes.forEach((_, at) => (bytes[at] = at)); return bytes; };
    const session = new m.HelperSession({
        port: 17562,
        origin: "https://survey.example.cn",
        memory,
        crypto: { subtle: crypto.subtle, getRandomValues: counted },
        surroundings: { ...clock, fetch },
        onPairing: () => said.push("pairing"),
    });
    const promise = CALL;
    // Cryptography takes time of its own that moves no timer of this clock: only where one must ring is it driven.
    const end = given.drive
        ? await fakes.drive(clock, promise)
        : await promise.then((value) => ({ value }), ({ code, name, facts }) => ({ code: code || name, facts }));
    return { ...end, asked, said, key: memory.helperKey(), token: memory.token() };
}"""


def _session(module: Module, call: str, answers: Mapping[str, Any], paired: str = "") -> Any:
    """`call` is made on a session whose helper gives these answers, in order; the last one stays."""
    drive = any("silent" in given for given in answers.values())
    return module("session.js", _SESSION.replace("CALL", call), {"answers": answers, "paired": paired, "drive": drive})


PAIRED = {"token": encode(b"t" * 32), "helper_key": _public("helper"), "mode": "always"}
LIST = {"tokens": [], "helper_proof": _proof()}


def test_the_page_pairs_first_and_shows_its_token_from_then_on(module: Module) -> None:
    end = _session(module, "session.certificates()", {"pair": [PAIRED], "certificates": [LIST]})
    assert end["value"] == []
    assert [row["name"] for row in end["asked"]] == ["pair", "certificates"]
    assert [row["token"] for row in end["asked"]] == ["", f"Bearer {PAIRED['token']}"]
    assert end["asked"][0]["body"] == {"purpose": "login"}
    assert end["asked"][1]["body"] == {"challenge": encode(CHALLENGE)}
    assert (end["key"], end["token"], end["said"]) == (PAIRED["helper_key"], PAIRED["token"], ["pairing"])


def test_a_call_is_no_simple_request_and_carries_no_cookie(module: Module) -> None:
    """Threats 4 and 5: JSON, our own header, the literal address."""
    for row in _session(module, "session.certificates()", {"pair": [PAIRED], "certificates": [LIST]})["asked"]:
        assert row["address"].startswith("http://127.0.0.1:17562/v1/")
        options = row["options"]
        assert options["headers"]["Content-Type"] == "application/json"
        assert options["headers"]["X-Certlogin"] == "1"
        assert (options["method"], options["credentials"], options["redirect"]) == ("POST", "omit", "error")


def test_who_is_paired_is_not_asked_again(module: Module) -> None:
    end = _session(module, "session.certificates()", {"certificates": [LIST]}, _public("helper"))
    assert [row["name"] for row in end["asked"]] == ["certificates"]
    assert end["said"] == []


def test_a_helper_that_has_forgotten_the_site_is_paired_once_more(module: Module) -> None:
    answers = {"certificates": [{"error": {"code": "not_paired", "retryable": True}}, LIST], "pair": [PAIRED]}
    end = _session(module, "session.certificates()", answers, _public("helper"))
    assert end["value"] == []
    assert [row["name"] for row in end["asked"]] == ["certificates", "pair", "certificates"]


def test_threat_7_a_helper_with_another_key_is_noticed_at_pairing(module: Module) -> None:
    answers = {
        "certificates": [{"error": {"code": "not_paired"}}],
        "pair": [{**PAIRED, "helper_key": _public("squatter")}],
    }
    end = _session(module, "session.certificates()", answers, _public("helper"))
    assert end["code"] == "helper_identity_changed"
    assert end["key"] == _public("helper")


def test_threat_7_a_program_on_the_port_without_the_helpers_key_is_noticed(module: Module) -> None:
    answers = {"certificates": [{"tokens": [], "helper_proof": _proof("squatter")}]}
    assert _session(module, "session.certificates()", answers, _public("helper"))["code"] == "helper_identity_changed"
    answers = {"certificates": [{"tokens": []}]}
    assert _session(module, "session.certificates()", answers, _public("helper"))["code"] == "helper_identity_changed"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ({"error": {"code": "pin_wrong", "retryable": True, "tries_left": 3}}, "pin_wrong"),
        ({"error": {"code": 7}}, "helper_error"),
        ({"error": "text"}, "helper_error"),
        ("text", "helper_error"),
        (None, "helper_error"),
        ("gone", "helper_not_running"),
    ],
)
def test_what_the_helper_does_not_do_has_a_code(module: Module, answer: object, code: str) -> None:
    call = 'session.install("key", "cert", [])'
    end = _session(module, call, {"install": [answer]}, _public("helper"))
    assert end["code"] == code
    if code == "pin_wrong":
        assert end["facts"] == {"tries_left": 3}


def test_a_helper_that_never_answers_is_given_up_after_its_own_limit(module: Module) -> None:
    end = _session(module, 'session.install("key", "cert", [])', {"install": ["silent"]}, _public("helper"))
    assert (end["code"], end["at"]) == ("helper_timeout", 130_000)


@pytest.mark.parametrize("answer", [{**PAIRED, "token": 7}, {**PAIRED, "helper_key": None}, {}])
def test_a_pairing_without_token_or_key_is_none(module: Module, answer: dict[str, Any]) -> None:
    end = _session(module, "session.certificates()", {"pair": [answer]})
    assert (end["code"], end["token"]) == ("helper_error", None)


def test_a_list_that_is_none_is_an_error_of_the_helper(module: Module) -> None:
    answers = {"certificates": [{**LIST, "tokens": {}}]}
    assert _session(module, "session.certificates()", answers, _public("helper"))["code"] == "helper_error"


def test_login_and_enrol_send_what_the_server_said_and_nothing_else(module: Module) -> None:
    challenge = """{
        challenge: "N", unit: "U1", unit_name: "曙光", sid: "S",
        algorithms: ["ES256"], origin: "O", formats: ["native"],
    }"""
    end = _session(module, f'session.login({challenge}, "ab")', {"login": [{"payload": "P"}]}, _public("helper"))
    assert end["asked"][0]["body"] == {
        "purpose": "login",
        "unit": "U1",
        "unit_name": "曙光",
        "nonce": "N",
        "algorithms": ["ES256"],
        "sid": "S",
        "certificate_sha256": "ab",
    }
    end = _session(module, f'session.enroll({challenge}, "F1", "P-256")', {"enroll": [{}]}, _public("helper"))
    assert end["asked"][0]["body"] == {
        "unit": "U1",
        "unit_name": "曙光",
        "nonce": "N",
        "token_serial": "F1",
        "key_type": "P-256",
    }


def test_an_agreement_is_sent_as_the_server_gave_it_and_never_its_hash(module: Module) -> None:
    call = """session.agree({
        challenge: "N", unit: "U1", unit_name: "曙光", sid: "S",
        algorithms: ["ES256"], origin: "O", formats: ["native"],
    }, "ab", {text: "第一条\\n  同意。\\n", version: "2026-1", sha256: "never"})"""
    end = _session(module, call, {"agree": [{"payload": "P"}]}, _public("helper"))
    assert end["value"] == {"payload": "P"}
    assert end["asked"][0]["body"] == {
        "unit": "U1",
        "unit_name": "曙光",
        "nonce": "N",
        "algorithms": ["ES256"],
        "sid": "S",
        "certificate_sha256": "ab",
        "text": "第一条\n  同意。\n",
        "text_version": "2026-1",
    }


def test_an_agreement_that_the_helper_cannot_show_has_its_code(module: Module) -> None:
    call = 'session.agree({}, "ab", {text: "T", version: "1"})'
    refused = {"error": {"code": "no_text_dialog", "retryable": False}}
    assert _session(module, call, {"agree": [refused]}, _public("helper"))["code"] == "no_text_dialog"


def test_leaving_withdraws_the_open_prompt_and_waits_for_nothing(module: Module) -> None:
    end = _session(module, "Promise.resolve(session.cancel())", {"cancel": ["gone"]}, _public("helper"))
    assert [row["name"] for row in end["asked"]] == ["cancel"]
    assert end["asked"][0]["options"]["keepalive"] is True
    assert _session(module, "Promise.resolve(session.cancel())", {})["asked"] == []
