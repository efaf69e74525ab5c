"""Journeys of units of the roster: from no helper and no certificate to logged in with one, and back the next day."""

from collections.abc import Mapping
from typing import Any

from demonstration.running.prepare import token_label
from demonstration.walking.assistant import HelperMissing, HelperRefused
from demonstration.walking.person import Person
from demonstration.walking.steps import StepFailed, Steps, expect
from demonstration.walking.world import World


def walk(world: World, steps: Steps) -> None:
    certificate = _first_unit(world, steps)
    _wrong_pin(world, steps, certificate)
    _second_unit(world, steps, certificate)
    _third_unit(world, steps)
    _after_a_restart(world, steps, certificate)


def _first_unit(world: World, steps: Steps) -> bytes:
    """No helper yet, no certificate yet; goes on with the same login. The key is RSA."""
    person = world.person()
    _held_and_sent_to_the_check(world, steps, person)
    _helper_download(world, steps, person)
    with steps.step("B7", "once the helper runs, the check begins again by itself and the page goes on"):
        world.helper.start()
        page = person.report_helper()
        expect(page.path == "/certlogin/enrol", f"the download page for the certificate, not {page.url}")
    certificate = download(world, steps, person, world.first, "RSA-2048")
    with steps.step("C2", "success is said in words, then 继续登录 or 返回报送系统"):
        success_page(person)
    with steps.step("A4", "goes on at once: chooser, 确定, PIN, logged in; the host's own answer arrives"):
        person.browser.get(person.page.link("/certlogin/login"))
        choose(person)
        logged_in_with(person, world, world.first, certificate, world.pin(world.first))
    with steps.step("A4", "hands in a report and logs out"):
        _report(person)
    return certificate


def _held_and_sent_to_the_check(world: World, steps: Steps, person: Person) -> None:
    with steps.step("A3", "a unit of the roster without a certificate is sent to the certificate pages, not logged in"):
        page = person.log_in(world.first)
        expect(page.path == "/certlogin/helper" and page.status == 200, f"the environment check, not {page.url}")
        expect(person.browser.jar.named("survey_session") is None, "no session of the host has left the server")
        expect("__Host-" in " ".join(cookie.name for cookie in person.browser.jar.all()), "the attempt's cookie")
    with steps.step(
        "B1", "the page checks for the helper by itself: its script is there, allowed, and starts the check"
    ):
        page = person.page
        expect(page.inline_scripts == 0 and page.scripts, "scripts from files only")
        policy = page.headers["content-security-policy"]
        expect(all(f"http://127.0.0.1:{port}" in policy for port in world.demo.ports), "the helper's ports allowed")
        expect("'unsafe" not in policy and "default-src 'none'" in policy, "a strict policy")
        expect(all(person.browser.fetch(script).status == 200 for script in page.scripts), "the script arrives")


def _helper_download(world: World, steps: Steps, person: Person) -> None:
    with steps.step("B2", "no helper: the page says so and offers 证书助手客户端下载"):
        try:
            person.assistant.hello()
        except HelperMissing:
            answer = person.report_missing()
        else:
            raise StepFailed("expected: no helper runs yet")
        expect(not answer["next"].endswith(("/enrol", "/login")), "nothing goes on without a helper")
        expect("没有检测到证书助手" in person.page.text and "证书助手客户端下载" in person.page.text, "the dialog")
        page = person.browser.get(person.page.link("/certlogin/helper/download"))
        expect(page.status == 200 and "证书助手客户端下载" in page.text, "the download page")
    with steps.step("B3", "a click greys the button out and counts down"):
        seconds = int(person.page.data_of["builds"]["countdown"])
        expect(seconds == 30, f"30 seconds, not {seconds}")
        scripts = [person.browser.fetch(script).body.decode() for script in person.page.scripts]
        expect("countdown" in "".join(scripts), "the page's script counts")
    with steps.step("B9", "the CPU is read from the browser and only fitting installers are put forward"):
        expect(person.page.data_of["builds"]["arch"] == "x86_64", "x86_64 recognised")
    with steps.step("B10", "Kylin, UOS, NeoKylin on mips64, aarch64, x86_64 are all within reach"):
        for name in ("银河麒麟", "统信 UOS", "中标麒麟", "mips64", "aarch64", "x86_64"):
            expect(name in person.page.text, name)


def download(world: World, steps: Steps, person: Person, user: str, key_type: str, label: str | None = None) -> bytes:
    """C1, C5, C2: onto the token of that label; None: the unit's file token."""
    unit, wanted = world.unit(user), label or token_label(world.unit(user))
    with steps.step("C1", f"unit name and masked code to confirm, then 下载证书 ({key_type})"):
        page = person.page
        expect(page.by_id["unit-name"] == unit.name, "the unit's name")
        shown = page.by_id["unit-code"]
        expect(shown != unit.code and "*" in shown and shown[-4:] == unit.code[-4:], f"a masked code, not {shown}")
        expect("下载证书" in page.text and key_type in page.choices["key_type"], f"下载证书 with {key_type}")
    with steps.step("C5", "while issuing, a loud notice not to unplug"):
        expect("请勿拔出" in page.by_id["unplug"], "请勿拔出")
    with steps.step("C2", f"the certificate is issued onto {wanted} ({key_type})"):
        person.assistant.pair("login")
        token = token_named(person, wanted)
        expect(not token["certificates"], "a blank token")
        certificate = person.download_certificate(token["serial"], key_type, world.pin(user))
        found = token_named(person, wanted)
        expect(len(found["certificates"]) == 1, "one certificate on the token")
        expect(person.page.path == "/certlogin/enrol/done", f"the success page, not {person.page.url}")
    return certificate


def success_page(person: Person) -> None:
    expect("证书下载成功" in person.page.text, "证书下载成功")
    expect("继续登录" in person.page.text and "返回报送系统" in person.page.text, "both ways on")


def _second_unit(world: World, steps: Steps, foreign: bytes) -> None:
    """The helper runs already; returns to the host's login page after the download. The key is P-256."""
    person = world.person()
    with steps.step("A3", "a second unit of the roster, with a helper: straight to the certificate download"):
        person.log_in(world.second)
        expect(person.report_helper().path == "/certlogin/enrol", "the download page for the certificate")
    certificate = download(world, steps, person, world.second, "P-256")
    with steps.step("A5", "返回报送系统 ends this login and leads to the host's login page"):
        success_page(person)
        page = person.browser.submit(person.page.form("/leave"))
        expect(page.path == "/survey/login", f"the host's login page, not {page.url}")
        expect(person.browser.get("/survey/").path == "/survey/login", "not logged in")
    with steps.step("A5", "the new login meets the chooser, no download page"):
        to_the_chooser(person, world.second)
        choose(person)
    _refusals(world, steps, person, foreign, certificate)


def _refusals(world: World, steps: Steps, person: Person, foreign: bytes, own: bytes) -> None:
    with steps.step("A4", "the certificate of another unit is refused with its reason"):
        proof = person.sign(foreign, world.pin(world.first))
        proof_refused(person, proof, "certificate_of_another_unit")
    with steps.step("A4", "the right certificate is accepted, and its proof cannot be posted again"):
        proof = person.sign(own, world.pin(world.second))
        release = person.asked("proof", **proof)["next"]
        proof_refused(person, proof, "challenge_used")
        person.browser.get(release)
        _is_logged_in(person, world, world.second, own)
    with steps.step("A4", "a proof of one login is worth nothing in another"):
        other = world.person()
        to_the_chooser(other, world.second)
        proof_refused(other, proof, None)


def _third_unit(world: World, steps: Steps) -> None:
    """The kind of key that the page offers first."""
    person = world.person()
    with steps.step("A3", "a third unit of the roster; SM2 is offered first"):
        person.log_in(world.third)
        expect(person.report_helper().path == "/certlogin/enrol", "the download page for the certificate")
        expect(person.page.choices["key_type"][0] == "SM2", f"SM2 first, not {person.page.choices['key_type']}")
    certificate = download(world, steps, person, world.third, "SM2")
    with steps.step("A4", "goes on at once with the SM2 certificate"):
        person.browser.get(person.page.link("/certlogin/login"))
        choose(person)
        logged_in_with(person, world, world.third, certificate, world.pin(world.third))


def _wrong_pin(world: World, steps: Steps, certificate: bytes) -> None:
    person = world.person()
    with steps.step("A4", "a unit with a certificate is never sent to the download page again"):
        to_the_chooser(person, world.first)
        expect(certificate in person.choices(), "its certificate in the chooser")
    with steps.step("A4", "wrong PIN: refused with the tries left, then the right PIN logs in"):
        before = token_named(person, token_label(world.unit(world.first)))["tries_left"]
        left = _tries_left_after_wrong_pin(person, certificate)
        expect(left == before - 1, f"{before - 1} tries left, not {left}")
        logged_in_with(person, world, world.first, certificate, world.pin(world.first))


def _tries_left_after_wrong_pin(person: Person, certificate: bytes) -> int:
    try:
        person.sign(certificate, "wrong-pin")
    except HelperRefused as refused:
        expect(refused.code == "pin_wrong", f"pin_wrong, not {refused.code}")
        return int(refused.facts["tries_left"])
    raise StepFailed("expected: a wrong PIN is refused")


def _after_a_restart(world: World, steps: Steps, certificate: bytes) -> None:
    with steps.step(
        "A4", "after a restart of the host nothing durable is lost: chooser, not download; the report is there"
    ):
        world.site.stop()
        world.site.start()
        person = world.person()
        to_the_chooser(person, world.first)
        logged_in_with(person, world, world.first, certificate, world.pin(world.first))
        expect('value="1234"' in person.page.body.decode(), "the report handed in before the restart")


# --- what several journeys do


def to_the_chooser(person: Person, user: str) -> None:
    page = person.log_in(user)
    expect(page.path == "/certlogin/helper", f"the environment check, not {page.url}")
    page = person.report_helper()
    expect(page.path == "/certlogin/login", f"the chooser, not {page.url}")


def choose(person: Person) -> None:
    expect(person.page.path == "/certlogin/login", f"the chooser, not {person.page.url}")
    expect("选择证书" in person.page.text and "确定" in person.page.text, "选择证书 and 确定")


def logged_in_with(person: Person, world: World, user: str, certificate: bytes, pin: str) -> None:
    expect(certificate in person.choices(), "the certificate in the chooser")
    person.prove(person.sign(certificate, pin))
    _is_logged_in(person, world, user, certificate)


def _is_logged_in(person: Person, world: World, user: str, certificate: bytes) -> None:
    home = person.page
    expect(home.path == "/survey/" and home.status == 200, f"the reporting page, not {home.url}")
    expect(home.by_id["unit"] == world.unit(user).name, "the unit's name")
    expect(home.by_id["method"] == "数字证书", "logged in with a certificate")
    expect(home.by_id["unique-id"].startswith(world.unit(user).code), "the certificate's unique id")
    expect(home.by_id["not-before"] < home.by_id["not-after"], "its validity")
    expect(person.browser.jar.named("survey_session"), "the host's own session")
    expect(certificate, "a certificate")


def _report(person: Person) -> None:
    saved = person.browser.submit(person.page.form("/report"), employees="1234", turnover="56789")
    expect("已保存" in saved.text, "the report is saved")
    person.browser.submit(saved.form("/logout"))
    expect(person.browser.get("/survey/").path == "/survey/login", "logged out")


def proof_refused(person: Person, proof: Mapping[str, Any], code: str | None) -> None:
    answer = person.api("proof", **proof)
    expect(answer.status >= 400, f"a refusal, not {answer.status}")
    said = answer.json()
    expect(code is None or said["code"] == code, f"{code}, not {said['code']}")
    expect(said["title"] and said["next_step"] and said["support_id"], "what to do next, and a support id")


def token_named(person: Person, label: str) -> dict[str, Any]:
    for token in person.assistant.tokens():
        if token["label"] == label:
            return token
    raise StepFailed(f"expected: a token {label}")
