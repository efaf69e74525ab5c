"""The list system over HTTP, with the demonstration's own settings; only the rule that asks for certificates is off."""

import shutil
from dataclasses import replace
from pathlib import Path

import anyio
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request

from demonstration.running.files import ZcqdDemoFiles
from demonstration.running.zcqd_site import ZcqdSite
from demonstration.walking.page import Form
from demonstration.walking.person import Person
from demonstration.walking.world import ZcqdWorld
from tests.acceptance.conftest import FAST
from zcqd_app.forms import read_form
from zcqd_app.pages import HOTLINE, SERVICE_HOURS


@pytest.fixture
def person(world: ZcqdWorld) -> Person:
    """A unit that is logged in, at its list."""
    person = world.person()
    page = person.log_in("beichen")
    assert page.path == "/zcqd/", page.text
    return person


def price_of(world: ZcqdWorld, product_id: str) -> int:
    (found,) = [product for product in world.site.zcqd.products.all() if product.id == product_id]
    return found.entry.price


def test_every_page_has_the_hotline_a_strict_policy_and_is_not_kept(person: Person) -> None:
    pages = [person.page, person.browser.get("/zcqd/products/P1001"), person.browser.get("/zcqd/products/none")]
    form = pages[1].form("/products/P1001")
    pages.append(person.browser.submit(form, price="x"))
    pages.append(person.browser.submit(form, price="1", form_key="x"))
    pages.append(person.browser.submit(pages[0].form("/logout")))
    pages.append(person.browser.get("/zcqd/login"))
    assert [page.status for page in pages] == [200, 200, 404, 422, 403, 200, 200]
    for page in pages:
        assert page.by_id["hotline"] == HOTLINE
        assert page.by_id["service-hours"] == SERVICE_HOURS
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]
        assert page.headers["cache-control"] == "no-store"
        assert not page.inline_scripts


def test_a_unit_changes_its_own_product_and_reads_the_new_value(world: ZcqdWorld, person: Person) -> None:
    saved = person.browser.submit(edit(person, "P1001"), model="ＢＣ-9", grade="3", price="77")
    assert saved.path == "/zcqd/"
    assert "已保存" in saved.text
    assert "BC-9" in saved.text
    assert price_of(world, "P1001") == 77


def test_another_units_product_is_neither_shown_nor_changed(world: ZcqdWorld, person: Person) -> None:
    before = price_of(world, "P1003")
    assert person.browser.get("/zcqd/products/P1003").status == 404
    form = edit(person, "P1001")
    form.action = form.action.replace("P1001", "P1003")
    assert person.browser.submit(form, model="x", grade="1", price="1").status == 404
    assert price_of(world, "P1003") == before


@pytest.mark.parametrize("key", ["", "x", "of another session"])
def test_a_form_without_this_sessions_key_changes_nothing(world: ZcqdWorld, person: Person, key: str) -> None:
    before = price_of(world, "P1002")
    if key == "of another session":
        other = world.person()
        key = other.log_in("beichen").form("/logout").fields["form_key"]
    page = person.browser.submit(edit(person, "P1002"), form_key=key, model="x", grade="1", price="9")
    assert (page.status, page.by_id["problem"]) == (403, "页面已过期，请返回后重试。")
    assert price_of(world, "P1002") == before
    # The companion: the same with the right key.
    assert person.browser.submit(edit(person, "P1002"), model="x", grade="1", price="9").path == "/zcqd/"
    assert price_of(world, "P1002") == 9


def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(person: Person) -> None:
    page = person.browser.submit(edit(person, "P1002"), model="<b>", grade="", price="much")
    assert page.status == 422
    assert page.by_id["price-problem"].startswith("请填写大于 0")
    assert "grade-problem" in page.by_id
    assert "model-problem" not in page.by_id
    fields = page.form("/products/P1002").fields
    assert (fields["model"], fields["price"]) == ("<b>", "much")


def test_an_operator_sees_all_products_and_edits_none(world: ZcqdWorld) -> None:
    person = world.person()
    page = person.log_in("operator")
    assert "北辰照明电器有限公司" in page.text
    assert "东湖变压器有限公司" in page.text
    assert not [link for link in page.links if "/products/" in link]
    assert person.browser.get("/zcqd/products/P1001").status == 404


def test_a1_a_captcha_is_good_once_and_in_its_own_browser_only(world: ZcqdWorld) -> None:
    person, other = world.person(), world.person()
    form = person.browser.get("/zcqd/login").form("/login")
    answer = world.site.zcqd.captchas.answer(form.fields["captcha_id"]) or ""
    typed = {"user": "beichen", "password": "password of beichen", "captcha": answer}
    other.browser.get("/zcqd/login")
    assert "验证码不正确" in other.browser.submit(form, **typed).by_id["problem"]
    # Used up by the other one.
    assert "验证码不正确" in person.browser.submit(form, **typed).by_id["problem"]
    assert person.log_in("beichen").path == "/zcqd/"


def test_nobody_reads_the_list_without_logging_in(world: ZcqdWorld, person: Person) -> None:
    stranger = world.person()
    assert stranger.browser.get("/zcqd/").path == "/zcqd/login"
    assert stranger.browser.get("/zcqd/products/P1001").path == "/zcqd/login"
    person.browser.submit(person.page.form("/logout"))
    assert person.browser.get("/zcqd/").path == "/zcqd/login"


def test_a_language_chosen_by_link_stays(world: ZcqdWorld) -> None:
    person = world.person()
    welcome = person.browser.get("/zcqd/welcome")
    assert "节能产品清单" in welcome.text
    english = person.browser.get(next(link for link in welcome.links if "lang=en" in link))
    assert "Energy-saving product list" in english.text
    assert "lang=en" in english.link("/login")


def test_the_installers_are_served_and_nothing_else(world: ZcqdWorld) -> None:
    person = world.person()
    folder = world.demo.files.host.downloads
    file = min(folder.iterdir())
    got = person.browser.fetch(f"/zcqd/downloads/{file.name}")
    assert (got.status, got.body) == (200, file.read_bytes())
    assert "attachment" in got.headers["content-disposition"]
    for name in ("none.exe", "..", "..%5csession_key"):
        assert person.browser.fetch(f"/zcqd/downloads/{name}").status != 200


def test_a_site_whose_port_is_taken_says_so(world: ZcqdWorld, tmp_path: Path) -> None:
    copied = shutil.copytree(world.demo.files.directory.parent, tmp_path / "copy")
    second = ZcqdSite(replace(world.demo, files=ZcqdDemoFiles(copied / "zcqd")), FAST)
    with pytest.raises(RuntimeError, match="no answer"):
        second.start()
    with pytest.raises(RuntimeError, match="not running"):
        second.zcqd.products.all()
    assert world.person().browser.get("/zcqd/welcome").status == 200


def edit(person: Person, product_id: str) -> Form:
    return person.browser.get(f"/zcqd/products/{product_id}").form(f"/products/{product_id}")


# --- forms

_URLENCODED = "application/x-www-form-urlencoded"


def posted(body: bytes, content_type: str = _URLENCODED) -> dict[str, str]:
    pieces = [body[start : start + 5000] for start in range(0, len(body), 5000)] or [b""]

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": pieces.pop(0), "more_body": bool(pieces)}

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", content_type.encode())]}
    return dict(anyio.run(read_form, Request(scope, receive)))


def test_a_form_is_read() -> None:
    assert posted(b"a=1&b=%E4%B8%AD+x&c=", f"{_URLENCODED}; charset=UTF-8") == {"a": "1", "b": "中 x", "c": ""}
    assert posted(b"") == {}


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"a=1", "multipart/form-data; boundary=x", 415),
        (b"a=1", "", 415),
        (b"a=" + b"1" * 20_000, _URLENCODED, 413),
        (b"a=1&a=2", _URLENCODED, 400),
        (b"a=%ff", _URLENCODED, 400),
        (b"a=\xe4", _URLENCODED, 400),
        (b"&".join(b"f%d=1" % number for number in range(30)), _URLENCODED, 400),
    ],
)
def test_what_is_no_form_of_ours_is_refused(body: bytes, content_type: str, status: int) -> None:
    with pytest.raises(HTTPException) as caught:
        posted(body, content_type)
    assert caught.value.status_code == status
