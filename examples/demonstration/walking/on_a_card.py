"""The journey of a unit whose key is made on a USBKey behind PKCS#11, and never leaves it."""

from demonstration.walking.steps import Steps, expect
from demonstration.walking.with_certificates import choose, download, logged_in_with
from demonstration.walking.world import World


def walk(world: World, steps: Steps) -> None:
    person = world.person()
    with steps.step("A3", "a unit with a blank USBKey (PKCS#11, SoftHSM): to the certificate download"):
        person.log_in(world.fourth)
        expect(person.report_helper().path == "/certlogin/enrol", "the download page for the certificate")
        person.assistant.pair("login")
        found = [token for token in person.assistant.tokens() if token["label"] == world.card_label]
        expect(len(found) == 1 and found[0]["tries_left"] is None, "the USBKey, which does not tell its tries")
        expect("SM2" not in found[0]["key_types"], "no SM2 on a card that has none")
    certificate = download(world, steps, person, world.fourth, "RSA-2048", world.card_label)
    with steps.step("A4", "logs in with the key on the USBKey"):
        person.browser.get(person.page.link("/certlogin/login"))
        choose(person)
        logged_in_with(person, world, world.fourth, certificate, world.pin(world.fourth))
