"""Every sentence the helper's own windows show, in zh-CN and en.

Pure. Facts that come from a page or a certificate are made harmless first: no control, no bidirectional and no
invisible character reaches a window (11, 19), and nothing is long enough to push the origin out of sight.
"""

import unicodedata
from dataclasses import dataclass

from certlogin.helper.config import Language
from certlogin.helper.origins import Origin
from certlogin.helper.pin.base import ConfirmQuestion, PinQuestion, TextQuestion
from certlogin.wire.payload import Purpose

_WORDS = {
    Language.ZH_CN: (
        "青山",
        "明月",
        "白鹭",
        "红枫",
        "长河",
        "古松",
        "春雨",
        "秋实",
        "飞雪",
        "朝霞",
        "竹林",
        "晴空",
        "北斗",
        "海棠",
        "清泉",
        "金桂",
    ),
    Language.EN: (
        "amber",
        "birch",
        "cedar",
        "delta",
        "ember",
        "falcon",
        "granite",
        "harbor",
        "island",
        "juniper",
        "lantern",
        "maple",
        "north",
        "orchid",
        "pebble",
        "river",
    ),
}

_TEXTS: dict[Language, dict[str, str]] = {
    Language.ZH_CN: {
        "site": "网站：{registrable}\n完整地址：{origin}",
        "unit": "单位：{unit_name}（{unit}）",
        "purpose": "用途：{purpose}",
        "certificate": "证书：{subject}",
        "token": "介质：{label}（{serial}）",
        "phrase": "安全短语：{phrase}",
        "dev": "【开发模式：请勿用于真实业务】",
        "tries": "剩余 PIN 次数：{tries_left}",
        "tries_warning": "注意：PIN 还可以输入 {tries_left} 次，输错将锁定。",
        "last_try": "PIN 只剩最后 1 次机会，输错后证书介质将被锁定。确定要继续吗？",
        "last_try_ok": "我确定，继续",
        "pair": "该网站请求使用您的证书助手，用途：{purpose}。\n是否允许？",
        "once": "仅此一次",
        "always": "始终允许",
        "block": "阻止",
        "block_for_good": "要一直阻止该网站吗？",
        "block_ok": "一直阻止",
        "not_now": "暂不",
        "enroll": "该网站请求在您的证书介质中生成密钥并下载证书。是否允许？",
        "agree_question": "该网站请您阅读一份协议，并用证书签署。现在阅读吗？",
        "agree_ok": "阅读",
        "version": "协议版本：{version}",
        "read": "签署的就是下面的全文。看到结尾后才能同意。",
        "turn": "回车：下一页；其他：取消",
        "read_ok": "同意并签署",
        "pick": "该网站想知道您有哪些证书。要出示这一张吗？",
        "show": "出示这一张",
        "next": "下一张",
        "none": "都不出示",
        "allow": "允许",
        "pin": "PIN：",
        "ok": "确定",
        "cancel": "取消",
        Purpose.LOGIN: "登录",
        Purpose.BIND: "绑定证书",
        Purpose.UNBIND: "解除绑定",
        Purpose.TRANSFER: "转移绑定",
        Purpose.STEP_UP: "重要操作确认",
        Purpose.AGREE: "签署协议",
        "enroll_purpose": "下载证书",
    },
    Language.EN: {
        "site": "Site: {registrable}\nFull address: {origin}",
        "unit": "Unit: {unit_name} ({unit})",
        "purpose": "Purpose: {purpose}",
        "certificate": "Certificate: {subject}",
        "token": "Token: {label} ({serial})",
        "phrase": "Security phrase: {phrase}",
        "dev": "[DEVELOPMENT MODE: not for real use]",
        "tries": "PIN tries left: {tries_left}",
        "tries_warning": "Careful: {tries_left} PIN tries left, then the token locks.",
        "last_try": "Only 1 PIN try is left. A wrong PIN locks the token. Continue?",
        "last_try_ok": "I am sure, continue",
        "pair": "This site asks to use your certificate helper for: {purpose}.\nAllow it?",
        "once": "Once",
        "always": "Always",
        "block": "Block",
        "block_for_good": "Block this site for good?",
        "block_ok": "Block for good",
        "not_now": "Not now",
        "enroll": "This site asks to make a key on your token and to download a certificate. Allow it?",
        "agree_question": "This site asks you to read an agreement and to sign it with your certificate. Read it now?",
        "agree_ok": "Read",
        "version": "Version of the agreement: {version}",
        "read": "The whole text below is what is signed. You can agree once you have seen its end.",
        "turn": "Enter: next page; anything else: cancel",
        "read_ok": "Agree and sign",
        "pick": "This site wants to know which certificates you have. Show this one?",
        "show": "Show this one",
        "next": "Next",
        "none": "Show none",
        "allow": "Allow",
        "pin": "PIN:",
        "ok": "OK",
        "cancel": "Cancel",
        Purpose.LOGIN: "login",
        Purpose.BIND: "bind certificate",
        Purpose.UNBIND: "unbind certificate",
        Purpose.TRANSFER: "transfer binding",
        Purpose.STEP_UP: "confirm an important step",
        Purpose.AGREE: "sign an agreement",
        "enroll_purpose": "download certificate",
    },
}

#: With at most this many tries left the user is warned.
WARN_AT = 2
_UNSEEN = frozenset({"Cc", "Cf", "Co", "Cs", "Cn", "Zl", "Zp"})


def shown(text: str, limit: int = 48) -> str:
    """A foreign text as a window may show it."""
    visible = "".join("\ufffd" if unicodedata.category(character) in _UNSEEN else character for character in text)
    return visible if len(visible) <= limit else f"{visible[: limit - 1]}…"


@dataclass(frozen=True, slots=True)
class Matter:
    """What a question is about. Empty facts are left out of the window."""

    origin: Origin
    #: The name of a purpose in the table of texts.
    purpose: str
    unit: str = ""
    unit_name: str = ""
    subject: str = ""
    label: str = ""
    serial: str = ""
    tries_left: int | None = None
    #: Of the agreement.
    version: str = ""


@dataclass(frozen=True, slots=True)
class Texts:
    """Builds the questions of one installation."""

    name: str
    language: Language
    #: Chooses the security phrase.
    phrase_number: int
    dev: bool

    def pin(self, matter: Matter) -> PinQuestion:
        return PinQuestion(
            self._title(matter), self._describe(matter), self._t("pin"), self._t("ok"), self._t("cancel")
        )

    def last_try(self, matter: Matter) -> ConfirmQuestion:
        return self._confirm(matter, self._t("last_try"), self._t("last_try_ok"))

    def pair(self, matter: Matter) -> ConfirmQuestion:
        question = self._t("pair", purpose=self._t(matter.purpose))
        description = self._describe(matter, question)
        return ConfirmQuestion(
            self._title(matter), description, self._t("once"), self._t("block"), not_ok=self._t("always")
        )

    def enroll(self, matter: Matter) -> ConfirmQuestion:
        return self._confirm(matter, self._t("enroll"), self._t("allow"))

    def agree(self, matter: Matter) -> ConfirmQuestion:
        return self._confirm(matter, self._t("agree_question"), self._t("agree_ok"))

    def agreement(self, matter: Matter, text: str) -> TextQuestion:
        return TextQuestion(
            title=self._title(matter),
            description=self._describe(matter),
            text=text,
            ok=self._t("read_ok"),
            cancel=self._t("cancel"),
            scroll=self._t("read"),
            turn=self._t("turn"),
        )

    def block(self, matter: Matter) -> ConfirmQuestion:
        """Asked after [block]: closing a window looks the same, and must not lock a site out for ever."""
        description = self._describe(matter, self._t("block_for_good"))
        return ConfirmQuestion(self._title(matter), description, self._t("block_ok"), self._t("not_now"))

    def pick(self, matter: Matter, *, last: bool) -> ConfirmQuestion:
        """One of several; after the last there is no next."""
        description = self._describe(matter, self._t("pick"))
        other = self._t("none" if last else "next")
        return ConfirmQuestion(self._title(matter), description, self._t("show"), self._t("cancel"), not_ok=other)

    def phrase(self) -> str:
        """The words by which the user knows the windows of this helper."""
        words = _WORDS[self.language]
        return " ".join(words[(self.phrase_number >> (4 * place)) % len(words)] for place in range(3))

    def _confirm(self, matter: Matter, question: str, ok: str) -> ConfirmQuestion:
        return ConfirmQuestion(self._title(matter), self._describe(matter, question), ok, self._t("cancel"))

    def _title(self, matter: Matter) -> str:
        return f"{self.name} — {matter.origin.registrable}"

    def _describe(self, matter: Matter, question: str = "") -> str:
        # A pinentry cuts what is too long, and a page chooses how long its facts are: what warns stands before them.
        lines = [
            self._t("dev") if self.dev else "",
            self._t("site", registrable=matter.origin.registrable, origin=matter.origin.text),
            self._t("purpose", purpose=self._t(matter.purpose)),
            question,
            self._t("version", version=matter.version) if matter.version else "",
            self._tries(matter.tries_left),
            self._t("phrase", phrase=self.phrase()),
            self._t("unit", unit=shown(matter.unit, 24), unit_name=shown(matter.unit_name)) if matter.unit else "",
            self._t("certificate", subject=shown(matter.subject, 64)) if matter.subject else "",
            self._t("token", label=shown(matter.label, 24), serial=matter.serial) if matter.serial else "",
        ]
        return "\n".join(line for line in lines if line)

    def _tries(self, left: int | None) -> str:
        if left is None:
            return ""
        return self._t("tries_warning" if left <= WARN_AT else "tries", tries_left=str(left))

    def _t(self, key: str, **facts: str) -> str:
        return _TEXTS[self.language][key].format(**facts)
