"""S26: a login contacts nobody. Addresses in certificates are never followed, wherever they point."""

import socket
from typing import Any

import pytest

from certlogin.pki.certificate import UnverifiedCertificate
from certlogin.pki.judge import judge_certificate
from tests import factory
from tests.companions import companion
from tests.gate.browser import Browser
from tests.gate.world import World

ADDRESS = "http://169.254.169.254/latest.crl"


@pytest.fixture
def contacted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Whatever this process tries to reach, by address or by name. Nothing gets through."""
    tried: list[Any] = []

    def refuse(_: Any, address: Any, *rest: Any) -> Any:
        tried.append(address)
        raise OSError("no network in this test")

    def refuse_name(host: Any, *rest: Any, **more: Any) -> Any:
        tried.append(host)
        raise OSError("no names in this test")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse_name)
    return tried


def bound_with_address(world: World) -> factory.Issued:
    """A registered certificate that says where its revocation list is to be had."""
    issued = factory.make_pki().issuing.issue(
        unit_code=factory.UNIT_CODE, key_name="a key with an address", crl_url=ADDRESS
    )
    world.issued["U1"] = issued
    return world.bind("U1")


def test_s26_a_login_with_addresses_in_its_certificate_contacts_nobody(world: World, contacted: list[Any]) -> None:
    mine = Browser(world)
    mine.log_in_with("U1", bound_with_address(world))
    assert mine.home()["unit"] == "U1"
    world.clock.advance(61)
    assert mine.is_admitted()
    assert contacted == []


@companion("test_s26_a_login_with_addresses_in_its_certificate_contacts_nobody")
def test_s26_without_that_restraint_the_address_is_contacted(
    world: World, contacted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The companion: what the test above would notice."""

    def following(leaf: UnverifiedCertificate, *rest: Any) -> Any:
        with pytest.raises(OSError, match="no n"):
            socket.create_connection((ADDRESS.split("/")[2], 80))
        return judge_certificate(leaf, *rest)

    mine = Browser(world)
    mine.log_in_with("U1", bound_with_address(world))
    monkeypatch.setattr("certlogin.flows.judge.judge_certificate", following)
    world.clock.advance(61)
    assert mine.is_admitted()
    assert contacted == ["169.254.169.254"]
