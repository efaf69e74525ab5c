"""Which page shows which step."""

from urllib.parse import quote

from certlogin.login.policy import Decision, Step

#: Below the prefix. Steps without a page of their own yet end on the page that names the code and the hotline.
_PAGES = {
    Step.GET_HELPER: "/helper",
    Step.UPDATE_HELPER: "/helper/download",
    Step.GET_CERTIFICATE: "/enrol",
    Step.PROVE_KEY: "/login",
    Step.AWAIT_REVOCATION: "/revocation",
}


def page_of(decision: Decision) -> str:
    """The path below the prefix."""
    page = _PAGES.get(decision.step)
    return page if page is not None else f"/refused?code={quote(decision.reasons[0])}"


#: The query member under which the released response is fetched at the host's own login address.
RELEASE_MEMBER = "certlogin_release"
