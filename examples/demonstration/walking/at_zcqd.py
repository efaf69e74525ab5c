"""Journeys at the list system, whose units have their keys from elsewhere, and at both hosts at once."""

from demonstration.running.prepare import token_label
from demonstration.running.zcqd import CURRENT_MODEL, OLD_KEYS, key_label
from demonstration.walking.assistant import decode
from demonstration.walking.cookies import Jar
from demonstration.walking.page import Page
from demonstration.walking.person import Person
from demonstration.walking.steps import Steps, expect
from demonstration.walking.with_certificates import choose, proof_refused, to_the_chooser, token_named
from demonstration.walking.world import World, ZcqdWorld

#: What a prompt about an old key would say.
_PROMPTS = ("升级", "更换", "换发", "邮寄", "续期")
_HOTLINE = "400-000-0001"


def walk(zcqd: ZcqdWorld, survey: World, steps: Steps) -> None:
    _logins_without_certificate(zcqd, steps)
    for key in OLD_KEYS:
        _first_login(zcqd, steps, key.user, key.model, f"issued in {key.applied_on.year}")
    _first_login(zcqd, steps, zcqd.current, CURRENT_MODEL, "current")
    _nothing_owed(zcqd, steps)
    _another_units_key(zcqd, steps)
    _both_hosts(zcqd, survey, steps)


def _logins_without_certificate(zcqd: ZcqdWorld, steps: Steps) -> None:
    with steps.step("A1", "list system: wrong captcha, wrong password: its own words, its hotline, nothing begins"):
        person = zcqd.person()
        captcha = person.log_in(zcqd.current, captcha="0000")
        password = person.log_in(zcqd.current, password="not this one")  # noqa: S106 a wrong one
        unknown = person.log_in("nobody", password="not this one")  # noqa: S106 a wrong one
        expect("验证码不正确" in captcha.by_id["problem"], "the captcha is checked")
        expect("用户名或密码不正确" in password.by_id["problem"], "the password is checked")
        expect(password.by_id["problem"] == unknown.by_id["problem"], "one text for unknown user and wrong password")
        for page in (captcha, password, unknown):
            expect(page.path == "/zcqd/login" and page.by_id["hotline"] == _HOTLINE, "the login page, with hotline")
        expect(not any("certlogin" in cookie.name for cookie in person.browser.jar.all()), "no certificate step")
    with steps.step("A1", "list system: an operator, who is no unit, is admitted at once and may change nothing"):
        person = zcqd.person(language="en")
        page = person.log_in(zcqd.operator)
        expect(page.path == "/zcqd/" and page.by_id["method"] == "user name and password", f"the list, not {page.url}")
        expect(not any("/products/" in link for link in page.links), "nothing to edit")
        expect(person.browser.get("/zcqd/products/P1001").status == 404, "no product of its own")


def _first_login(zcqd: ZcqdWorld, steps: Steps, user: str, model: str, when: str) -> None:
    with steps.step("A11", f"a key from elsewhere (model {model}, {when}) logs in at once; nothing is downloaded"):
        person = zcqd.person()
        to_the_chooser(person, user)
        label = key_label(zcqd.demo.unit(user))
        page = _prove(person, label, zcqd.pin(user))
        expect(token_named(person, label)["model"] == model, "the key's model, as the helper tells it")
        _is_at_its_list(page, zcqd, user)
        _change_a_price(person, page)


def _nothing_owed(zcqd: ZcqdWorld, steps: Steps) -> None:
    with steps.step("A10", "a key that needs nothing: chooser, PIN, logged in; no prompt on the way"):
        person = zcqd.person()
        seen = [person.log_in(zcqd.current), person.report_helper()]
        seen.append(_prove(person, key_label(zcqd.demo.unit(zcqd.current)), zcqd.pin(zcqd.current)))
        paths = [page.path for page in seen]
        expect(paths == ["/certlogin/helper", "/certlogin/login", "/zcqd/"], f"nothing but the login, not {paths}")
        # The environment check carries the words for a helper that is too old, and shows them to nobody here.
        for page in seen[1:]:
            expect(not [word for word in _PROMPTS if word in page.text], f"no prompt on {page.path}")


def _another_units_key(zcqd: ZcqdWorld, steps: Steps) -> None:
    with steps.step("A11", "the code in the certificate is compared with the account: another unit's key is refused"):
        person = zcqd.person()
        to_the_chooser(person, zcqd.shared)
        foreign = _certificate_on(person, key_label(zcqd.demo.unit(zcqd.current)))
        proof_refused(person, person.sign(foreign, zcqd.pin(zcqd.current)), "certificate_of_another_unit")


def _both_hosts(zcqd: ZcqdWorld, survey: World, steps: Steps) -> None:
    jar = Jar()
    here, there = zcqd.person(jar=jar), survey.person(jar=jar)
    user = zcqd.shared
    label, pin = token_label(survey.unit(user)), survey.pin(user)
    with steps.step("A11", "the certificate that the reporting system issued logs its unit in to the list system too"):
        to_the_chooser(there, user)
        expect(_prove(there, label, pin).path == "/survey/", "logged in to the reporting system")
        to_the_chooser(here, user)
        _is_at_its_list(_prove(here, label, pin), zcqd, user)
    with steps.step("A11", "logged in to both hosts at once, in one cookie jar: each knows its own ticket and session"):
        expect(there.browser.get("/survey/").by_id["method"] == "数字证书", "still at the reporting system")
        expect(here.browser.get("/zcqd/").by_id["method"] == "数字证书", "still at the list system")
        names = {cookie.name for cookie in jar.all()}
        expect({"__Host-certlogin-survey", "__Host-certlogin-zcqd"} <= names, f"a ticket of each, not {sorted(names)}")
        here.browser.submit(here.page.form("/logout"))
        expect(here.browser.get("/zcqd/").path == "/zcqd/login", "logged out of the list system")
        expect(there.browser.get("/survey/").path == "/survey/", "and of that one only")


# --- what several journeys do


def _prove(person: Person, label: str, pin: str) -> Page:
    choose(person)
    certificate = _certificate_on(person, label)
    return person.prove(person.sign(certificate, pin))


def _certificate_on(person: Person, label: str) -> bytes:
    person.assistant.pair("login")
    return decode(token_named(person, label)["certificates"][0]["certificate"])


def _is_at_its_list(page: Page, zcqd: ZcqdWorld, user: str) -> None:
    expect(page.path == "/zcqd/" and page.status == 200, f"the list, not {page.url}")
    expect(page.by_id["unit"] == zcqd.demo.unit(user).name, "the unit's name")
    expect(page.by_id["method"] == "数字证书" and page.by_id["hotline"] == _HOTLINE, "by certificate; the hotline")


def _change_a_price(person: Person, page: Page) -> None:
    form = person.browser.get(next(link for link in page.links if "/products/" in link)).forms[-1]
    refused = person.browser.submit(form, model="X-1", grade="1", price="none")
    expect(refused.status == 422 and refused.by_id["price-problem"], "a wrong price is refused, with the reason")
    saved = person.browser.submit(form, model="X-1", grade="1", price="1234")
    expect(saved.path == "/zcqd/" and "1,234" in saved.text, "the new price in the list")
