"""Journeys of those who need no certificate, and what everybody meets before the first word of one."""

from demonstration.running.files import word
from demonstration.walking.page import Page
from demonstration.walking.person import Person
from demonstration.walking.steps import Steps, expect
from demonstration.walking.world import World

_APPLY = "申请证书"


def walk(world: World, steps: Steps) -> None:
    with steps.step("A2", "the shared home page has no 申请证书 button and says nothing of certificates"):
        welcome = world.person().browser.get("/survey/welcome")
        expect(welcome.status == 200 and "欢迎使用" in welcome.text, "the home page")
        expect(_APPLY not in welcome.text and "证书" not in welcome.text, "no word of certificates")
        expect(not any("/certlogin" in link for link in welcome.links), "no link to the certificate pages")
    _wrong_logins(world, steps)
    _units_outside_the_roster(world, steps)


def _wrong_logins(world: World, steps: Steps) -> None:
    user = world.outsider
    with steps.step(
        "A1", "wrong captcha, wrong password, unknown user: no certificate step begins, nobody is logged in"
    ):
        person = world.person()
        expect("验证码不正确" in _problem(person, person.log_in(user, captcha="0000")), "the captcha is checked")
        wrong = _problem(person, person.log_in(user, password=word(12)))
        unknown = _problem(person, person.log_in("nobody", password=word(12)))
        expect(wrong == unknown and "用户名或密码不正确" in wrong, "one text for unknown user and wrong password")
    with steps.step("A1", "a captcha is good for one attempt, right or wrong, and only in its own browser"):
        _captcha_once(world)


def _captcha_once(world: World) -> None:
    user = world.outsider
    password = world.demo.handout.passwords[user]
    person, other = world.person(), world.person()
    form = person.browser.get("/survey/login").form("/survey/login")
    answer = world.site.survey.captchas.answer(form.fields["captcha_id"]) or ""
    person.browser.submit(form, user=user, password=word(12), captcha=answer)
    again = person.browser.submit(form, user=user, password=password, captcha=answer)
    expect("验证码不正确" in again.text, "the second use of a captcha is refused")
    other.browser.get("/survey/login")
    form = person.browser.get("/survey/login").form("/survey/login")
    answer = world.site.survey.captchas.answer(form.fields["captcha_id"]) or ""
    stolen = other.browser.submit(form, user=user, password=password, captcha=answer)
    expect("验证码不正确" in stolen.text, "a captcha of another browser is refused")


def _units_outside_the_roster(world: World, steps: Steps) -> None:
    with steps.step("A3", "a unit outside the roster is admitted at once and meets no certificate page"):
        person = world.person()
        home = person.log_in(world.outsider)
        expect(home.path == "/survey/" and home.status == 200, f"the reporting page, not {home.url}")
        expect(not any("/certlogin" in address for address in home.trail), "no certificate page on the way")
        expect(home.by_id["unit"] == world.unit(world.outsider).name, "the unit's name")
        expect(home.by_id["method"] == "用户名和密码", "logged in by password")
    with steps.step("A3", "an operator, who is no unit, is admitted at once; logout ends the session and the pass"):
        person = world.person(language="en")
        home = person.log_in(world.operator)
        expect(home.path == "/survey/" and "user name and password" in home.text, "the reporting page in English")
        gone = person.browser.submit(home.form("/logout"))
        expect(gone.path == "/survey/welcome", "logout leads to the home page")
        expect(person.browser.get("/survey/").path == "/survey/login", "the reporting page asks to log in")


def _problem(person: Person, page: Page) -> str:
    expect(page.path == "/survey/login", f"the login page again, not {page.url}")
    names = {cookie.name for cookie in person.browser.jar.all()}
    expect(names <= {"survey_form", "survey_session"}, f"no cookie of certlogin, found {sorted(names)}")
    expect(person.browser.get("/survey/").path == "/survey/login", "nobody is logged in")
    person.browser.page = page
    return page.text
