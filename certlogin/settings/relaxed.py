"""Which switches make a site less strict than it could be: said at every start, and by doctor."""

from collections.abc import Iterator

from certlogin.records.proof import ProofFormat
from certlogin.settings.model import Settings, may_fetch
from certlogin.settings.rules import Stage
from certlogin.settings.site import Mode
from certlogin.settings.trust import Anchor, Revocation


def relaxed_switches(settings: Settings) -> tuple[str, ...]:
    """One line each, with the name as in the TOML file; empty when nothing is relaxed."""
    return tuple(_relaxed(settings))


def _relaxed(settings: Settings) -> Iterator[str]:
    if settings.site.mode is Mode.DEVELOPMENT:
        yield "[site] mode = 'development': not for real use"
    if settings.ca.directory:
        yield "[ca] directory: the CA's key is in the web process"
    for anchor in settings.trust.anchors:
        yield from _of_anchor(anchor)
    if settings.revocation.allow_private:
        yield "[revocation] allow_private = true: revocation is also fetched from private and loopback addresses"
    if may_fetch(settings) and not settings.revocation.directory:
        yield (
            "[revocation] directory: not given, so a restart forgets what was fetched, and ends sessions until it is "
            "fetched again"
        )
    if settings.stores.volatile == "memory" and not settings.stores.lock_file:
        yield "[stores] lock_file: not given, so a second process with tickets and attempts of its own is not noticed"
    for rule in settings.rules.require:
        if rule.stage is not Stage.ENFORCE:
            yield f"[[rules.require]] {rule.name!r} stage = {rule.stage.value!r}: units log in without a certificate"


def _of_anchor(anchor: Anchor) -> Iterator[str]:
    if anchor.revocation is Revocation.OFF:
        yield f"[[trust.anchors]] {anchor.name!r} revocation = 'off': revoked certificates are accepted"
    if anchor.revocation is Revocation.PREFER:
        yield (
            f"[[trust.anchors]] {anchor.name!r} revocation = 'prefer': what was revoked since the last fresh answer is "
            f"accepted for {anchor.revocation_grace} s after that went stale"
        )
    if not anchor.strict:
        yield f"[[trust.anchors]] {anchor.name!r} strict = false: certificates without AuthorityKeyIdentifier pass"
    others = [one.value for one in anchor.formats if one is not ProofFormat.NATIVE]
    if others:
        yield (
            f"[[trust.anchors]] {anchor.name!r} relay_risk = 'accepted': its certificates also log in by "
            f"{', '.join(others)}, which a page of another site may relay"
        )
