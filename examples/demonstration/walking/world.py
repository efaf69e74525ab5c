"""What a walk walks in: one demonstration with its sites, its helper and its people."""

from dataclasses import dataclass
from pathlib import Path

from certlogin import Unit
from demonstration.running.assistant import HelperProcess
from demonstration.running.prepare import Demo, token_label
from demonstration.running.site import Site
from demonstration.running.zcqd import CURRENT_USER, ZcqdDemo, key_label
from demonstration.running.zcqd_site import ZcqdSite
from demonstration.walking.cookies import Jar
from demonstration.walking.person import Desk, Host, Person
from survey_app.state import PREFIX
from zcqd_app.pages import PREFIX as ZCQD_PREFIX


@dataclass(frozen=True, slots=True)
class World:
    demo: Demo
    site: Site
    helper: HelperProcess
    #: The file from which the scripted PIN dialog takes its answers.
    answers: Path

    #: Who walks which journey: a unit that needs no certificate, an operator, and four that need one.
    outsider: str = "xinghuo"
    operator: str = "operator"
    first: str = "shuguang"
    second: str = "hongyan"
    third: str = "qinghe"
    fourth: str = "yuanshan"
    #: The label of the fourth one's USBKey.
    card_label: str = "远山的 USBKey"

    def person(self, language: str = "zh-CN", jar: Jar | None = None) -> Person:
        return Person(self.host, self.desk, language, jar)

    @property
    def host(self) -> Host:
        return Host(self.demo.origin, PREFIX, self.demo.handout.passwords, lambda: self.site.survey.captchas)

    @property
    def desk(self) -> Desk:
        return Desk(self.demo.ports, self.answers)

    def unit(self, user: str) -> Unit:
        return dict(self.demo.roster)[user]

    def pin(self, user: str) -> str:
        return self.demo.handout.pins[token_label(self.unit(user))]


@dataclass(frozen=True, slots=True)
class ZcqdWorld:
    """The list system of the same demonstration, with the same helper."""

    demo: ZcqdDemo
    site: ZcqdSite
    desk: Desk

    operator: str = "operator"
    #: Holds a key of the newest kind, of which nothing is asked.
    current: str = CURRENT_USER
    #: Is a unit of the reporting system too, and has its certificate from there.
    shared: str = "shuguang"

    def person(self, language: str = "zh-CN", jar: Jar | None = None) -> Person:
        return Person(self.host, self.desk, language, jar)

    @property
    def host(self) -> Host:
        return Host(self.demo.origin, ZCQD_PREFIX, self.demo.handout.passwords, lambda: self.site.zcqd.captchas)

    def pin(self, user: str) -> str:
        return self.demo.handout.pins[key_label(self.demo.unit(user))]
