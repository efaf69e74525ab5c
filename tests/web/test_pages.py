"""The pages: complete in both languages, nothing inline, and made of what their scripts and the walk look for."""

import html
import json
import re
from importlib import resources
from urllib.parse import urlsplit

import pytest

from certlogin.errors import Unavailable
from certlogin.flows.login import StepRefused
from certlogin.portal.routes import CALLS, FORMS, PAGES
from certlogin.settings.site import Language
from certlogin.stores.base import TooManyAttempts
from certlogin.web.locale import load_texts
from certlogin.web.pages import COMMON_HEADERS, HELP_CODES, PAGE_CODES, csp, page_headers
from certlogin.web.static import StaticFiles
from tests.web.shown import ATTEMPT, PORTS, UNIT, VARIANTS, pages, read, render

EACH = pytest.mark.parametrize("variant", VARIANTS)
BOTH = pytest.mark.parametrize("language", list(Language))
SCRIPTED = ("helper", "helper alone", "download", "download alone", "enrol", "login", "done")
ZH = load_texts(Language.ZH_CN, strict=True)


# --- every page


@EACH
@BOTH
def test_every_page_is_whole_in_both_languages(variant: str, language: Language) -> None:
    page = read(render(variant, language))
    assert page.all("html")[0].attributes["lang"] == language.value
    assert len(page.all("h1")) == len(page.all("main")) == 1
    assert page.all("h1")[0].text.strip()
    assert page.all("title")[0].text == f"{page.all('h1')[0].text} - 普查数据采集处理系统"
    assert len(page.ids) == len(set(page.ids))
    assert "400-000-0000" in page.all("footer")[0].text
    assert load_texts(language, strict=True).text("layout.noscript") in page.all("noscript")[0].text
    assert not re.search(r"\[[a-z_]+\.", page.text)


@EACH
def test_no_page_has_anything_inline_or_from_elsewhere(variant: str) -> None:
    page = read(render(variant))
    for element in page.elements:
        assert element.tag not in ("style", "iframe", "object", "embed", "base")
        assert not [name for name in element.attributes if name == "style" or name.startswith("on")]
        if element.tag == "script":
            assert element.attributes.get("src", "").startswith("/certlogin/static/")
            assert not element.text.strip()
        for name in ("src", "href", "action"):
            assert re.match(r"$|[/#?][^/]|certlogin:start$", element.attributes.get(name, ""))


@EACH
def test_every_address_of_ours_on_a_page_is_answered(variant: str) -> None:
    files = StaticFiles()
    for element in read(render(variant)).elements:
        for name in ("src", "href", "action"):
            path = urlsplit(element.attributes.get(name, "")).path
            if path.startswith("/certlogin/static/"):
                assert files.find(path.removeprefix("/certlogin/static/")), path
            elif path.startswith("/certlogin"):
                known = FORMS if element.tag == "form" else PAGES
                assert path.removeprefix("/certlogin") in known, path


@EACH
def test_labels_and_descriptions_lead_to_something(variant: str) -> None:
    page = read(render(variant))
    for element in page.elements:
        for name in ("for", "aria-labelledby", "aria-describedby"):
            for identity in element.attributes.get(name, "").split():
                assert page.by_id(identity)
        if element.tag == "input" and element.attributes["type"] != "hidden":
            assert [label for label in page.all("label") if label.attributes["for"] == element.attributes["id"]]


@EACH
def test_every_link_of_ours_carries_the_language(variant: str) -> None:
    page = read(render(variant, Language.EN))
    for link in page.all("a"):
        address = urlsplit(link.attributes["href"])
        if address.path.startswith("/certlogin/"):
            assert address.query.split("&")[0] == "lang=en"
    (other,) = (link for link in page.all("a") if "hreflang" in link.attributes)
    assert other.attributes["href"].endswith("lang=zh-CN")
    assert other.text == "简体中文"


def test_the_other_language_of_a_refusal_is_the_same_refusal() -> None:
    (other,) = (link for link in read(render("refused")).all("a") if "hreflang" in link.attributes)
    assert other.attributes["href"] == "?code=reissue_required&lang=en"


@EACH
def test_what_a_unit_is_called_cannot_become_part_of_the_page(variant: str) -> None:
    attack = "\"></dd></template><script>alert('1')</script>"
    shown = render(variant, unit_name=attack, unit_code=attack, attempt=attack, login_url=attack)
    assert "<script>alert" not in shown
    assert "</template><script>" not in shown


def test_without_a_hotline_the_pages_still_say_whom_to_ask() -> None:
    shown = read(render("help lost", source=pages(hotline="", service_hours="", name="")))
    assert shown.all("footer")[0].text.strip() == ZH.text("layout.hotline_unknown")
    assert shown.all("title")[0].text == shown.all("h1")[0].text


# --- what the scripts look for


@pytest.mark.parametrize("variant", SCRIPTED)
def test_a_page_has_every_element_that_its_script_asks_for(variant: str) -> None:
    page = read(render(variant))
    static = resources.files("certlogin") / "static"
    script = (static / "pages" / f"{variant.split()[0]}.js").read_text(encoding="utf-8")
    wanted = set(re.findall(r"""element\("([a-z-]+)"\)""", script))
    for listed in re.findall(r"for \(const id of \[([^\]]*)\]\)", script):
        wanted |= set(re.findall(r'"([a-z-]+)"', listed))
    if "../page.js" in script:
        assert len(wanted) > 3
        wanted |= {"status", "problem", "problem-title", "problem-next", "problem-extra", "problem-code"}
        wanted |= {"problem-support", "problem-actions"}
    assert wanted <= set(page.ids)


@pytest.mark.parametrize("variant", SCRIPTED)
@BOTH
def test_a_page_brings_the_texts_of_its_scripts_along(variant: str, language: Language) -> None:
    texts = json.loads(html.unescape(read(render(variant, language)).by_id("texts").text))
    own = load_texts(language, strict=True)
    assert texts["js.checking"] == own.text("js.checking")
    assert texts["download.arch.mips64el"]
    for code in PAGE_CODES:
        assert texts[f"errors.{code}.title"] == own.raw("errors.")[f"errors.{code}.title"]
        assert texts[f"errors.{code}.next_step"]
    assert "errors.unit_unknown.title" not in texts


def test_the_body_says_what_the_scripts_need_to_know() -> None:
    body = read(render("helper")).all("body")[0].attributes
    assert body["data-prefix"] == "/certlogin"
    assert body["data-attempt"] == ATTEMPT
    assert body["data-ports"] == " ".join(str(port) for port in PORTS)
    assert body["data-login"] == "/survey/login"
    assert body["data-language"] == "zh-CN"


@pytest.mark.parametrize("variant", ["helper alone", "download alone", "help locked"])
def test_an_open_page_is_whole_without_a_login_under_way(variant: str) -> None:
    page = read(render(variant))
    assert page.all("body")[0].attributes["data-attempt"] == ""
    assert "unit-name" not in page.ids


def test_the_check_without_a_login_leads_to_the_hosts_login_page() -> None:
    links = {link.attributes["href"] for link in read(render("helper alone")).all("a")}
    assert "/survey/login" in links
    assert "/survey/login" not in {link.attributes["href"] for link in read(render("helper")).all("a")}


# --- one by one


def test_b2_the_check_holds_the_dialog_with_the_download_button() -> None:
    page = read(render("helper"))
    dialog = page.by_id("missing")
    assert ZH.text("helper.missing_title") in dialog.text
    assert "证书助手客户端下载" in dialog.text
    assert "open" not in dialog.attributes
    start = page.by_id("start")
    assert (start.text, start.attributes["data-retry"]) == ("开始检查", "重新检查")


def test_b3_b9_the_download_page_says_countdown_and_processor() -> None:
    builds = read(render("download")).by_id("builds").attributes
    assert builds["data-countdown"] == "30"
    assert (builds["data-arch"], builds["data-os"], builds["data-strength"]) == ("aarch64", "linux", "strong")


def test_b9_only_fitting_builds_are_put_forward_one_button_for_each_system() -> None:
    shown = [
        element
        for element in read(render("download")).elements
        if "build" in element.attributes.get("class", "").split() and "hidden" not in element.attributes
    ]
    assert [(build.attributes["data-os"], build.attributes["data-arch"]) for build in shown] == [
        ("kylin", "aarch64"),
        ("uos", "aarch64"),
        ("neokylin", "aarch64"),
    ]
    assert all(build.text.count("下载（") == 1 for build in shown)


def test_b10_every_build_stays_within_reach() -> None:
    table = read(render("download")).by_id("all-builds").text
    for word in ("银河麒麟", "统信 UOS", "中标麒麟", "Windows", "mips64el", "aarch64", "x86_64", "loongarch64"):
        assert word in table


def test_an_unknown_processor_opens_the_list_of_all_builds() -> None:
    assert "open" in read(render("download alone")).by_id("all-builds").attributes
    assert "open" not in read(render("download")).by_id("all-builds").attributes


def test_a_build_that_is_not_published_has_no_button_that_pretends() -> None:
    page = read(render("download alone"))
    assert not [link for link in page.all("a") if "download" in link.attributes]
    assert "尚未发布" in page.by_id("all-builds").text
    published = read(render("download"))
    links = [link for link in published.all("a") if "download" in link.attributes]
    assert len(links) == 2 * 13
    assert all(link.attributes["href"] == f"/downloads/{link.attributes['download']}" for link in links)
    assert "尚未发布" not in published.text


def test_without_any_build_the_page_points_to_the_hotline() -> None:
    assert ZH.text("download.none") in read(render("download empty")).text


def test_c1_the_download_page_shows_the_unit_to_confirm_and_the_key_types() -> None:
    page = read(render("enrol"))
    assert page.by_id("unit-name").text == UNIT["unit_name"]
    assert page.by_id("unit-code").text == UNIT["unit_code"]
    kinds = [box.attributes["value"] for box in page.all("input") if box.attributes.get("name") == "key_type"]
    assert kinds == ["SM2", "P-256", "RSA-2048"]
    assert "国密 SM2" in page.by_id("key-types").text
    assert "下载证书" in page.by_id("submit").text


def test_one_key_type_is_no_choice_and_is_not_asked_for() -> None:
    page = read(render("enrol advised"))
    assert "hidden" in page.by_id("key-types").attributes
    (only,) = (box for box in page.all("input") if box.attributes.get("name") == "key_type")
    assert "checked" in only.attributes


@pytest.mark.parametrize("variant", ["enrol", "login"])
def test_c5_the_notice_not_to_unplug_waits_in_the_page(variant: str) -> None:
    notice = read(render(variant)).by_id("unplug")
    assert "请勿拔出" in notice.text
    assert notice.attributes["role"] == "alert"
    assert "hidden" in notice.attributes


def test_c2_a5_the_done_page_offers_both_ways() -> None:
    page = read(render("done"))
    (form,) = page.all("form")
    assert form.attributes == {"method": "post", "action": "/certlogin/leave", "class": "actions"}
    (attempt,) = page.all("input")
    assert (attempt.attributes["name"], attempt.attributes["value"]) == ("attempt", ATTEMPT)
    assert page.by_id("continue").attributes["href"] == "/certlogin/login?lang=zh-CN"
    assert "证书下载成功" in page.text
    assert "返回报送系统" in page.by_id("leave").text


def test_no_page_asks_for_a_pin_or_password() -> None:
    for variant in VARIANTS:
        page = read(render(variant))
        assert not [box for box in page.all("input") if box.attributes["type"] not in ("hidden", "radio")]
        assert not page.all("textarea")


@pytest.mark.parametrize("topic", HELP_CODES)
@BOTH
def test_a_lost_a_locked_and_an_expired_key_end_with_hotline_and_code(topic: str, language: Language) -> None:
    main = read(render(f"help {topic}", language)).all("main")[0].text
    assert "400-000-0000" in main
    assert "08:30-17:30" in main
    assert HELP_CODES[topic] in main


def test_a_refusal_shows_cause_next_step_code_and_support_number() -> None:
    page = read(render("refused"))
    assert page.all("h1")[0].text == ZH.text("errors.reissue_required.title")
    assert page.by_id("problem-next").text == ZH.text("errors.reissue_required.next_step")
    assert "reissue_required" in page.text
    assert "K7Q2-M4XD" in page.text
    assert "/survey/login" in {link.attributes["href"] for link in page.all("a")}
    assert not page.all("script")


def test_what_is_only_advised_can_be_put_off() -> None:
    page = read(render("helper advised"))
    assert "2" in page.text
    assert page.by_id("later").attributes["type"] == "button"
    assert "later" not in read(render("helper")).ids


def test_the_text_of_an_error_is_that_of_its_public_code_and_never_its_log_line() -> None:
    shown = pages().error_text(StepRefused("enrolment_closed"), Language.EN)
    assert shown.title == "Certificates cannot be downloaded now"
    secret = pages().error_text(Unavailable("postgresql://user:secret@db/"), Language.EN)
    assert "secret" not in secret.title + secret.next_step
    assert "9" in pages().error_text(TooManyAttempts("address", 9), Language.EN).next_step


# --- headers


def test_the_policy_allows_our_files_our_server_the_helpers_ports_and_nothing_else() -> None:
    policy = dict(part.split(" ", 1) for part in csp(PORTS).split("; "))
    assert policy == {
        "default-src": "'none'",
        "script-src": "'self'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self' http://127.0.0.1:17561 http://127.0.0.1:17562 http://127.0.0.1:17563",
        "form-action": "'self'",
        "frame-ancestors": "'none'",
        "base-uri": "'none'",
    }


def test_a_page_is_not_stored_framed_or_sniffed_and_may_reach_the_helper() -> None:
    headers = dict(page_headers(PORTS))
    assert headers["Cache-Control"] == "no-store"
    assert headers["Content-Security-Policy"] == csp(PORTS)
    assert headers["Permissions-Policy"].startswith("loopback-network=(self)")
    assert "Sec-CH-UA-Arch" in headers["Accept-CH"]
    assert set(COMMON_HEADERS) < set(headers.items())
    assert pages().headers() == page_headers(PORTS)


def test_without_ports_the_policy_still_names_our_server() -> None:
    assert "connect-src 'self';" in csp(())


def test_the_calls_that_the_scripts_make_are_answered() -> None:
    static = resources.files("certlogin") / "static"
    files = [*static.iterdir(), *(static / "pages").iterdir()]
    scripts = "\n".join(file.read_text(encoding="utf-8") for file in files if file.name.endswith(".js"))
    called = set(re.findall(r'post\(\s*"(api/[a-z/]+)"', scripts))
    assert len(called) >= 5
    assert {f"/{path}" for path in called} <= CALLS.keys()
