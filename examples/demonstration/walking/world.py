"""What a walk walks in: one demonstration with its site, its helper and its people."""

from dataclasses import dataclass
from pathlib import Path

from certlogin import Unit
from demonstration.running.assistant import HelperProcess
from demonstration.running.prepare import Demo, token_label
from demonstration.running.site import Site
from demonstration.walking.person import Person


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

    def person(self, language: str = "zh-CN") -> Person:
        return Person(self.demo, self.site, self.answers, language)

    def unit(self, user: str) -> Unit:
        return dict(self.demo.roster)[user]

    def pin(self, user: str) -> str:
        return self.demo.handout.pins[token_label(self.unit(user))]
