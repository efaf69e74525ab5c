"""A CA of certomancer's: somebody else's code issues, revokes, lists and answers, at the machine's own time."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from certomancer.integrations.animator import Animator, AnimatorArchStore
from certomancer.registry import ArchLabel, CertLabel, CertomancerConfig
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from werkzeug.test import Client

from tests.factory import key
from tests.fetch.servers import Asked, Place, Reply

_NAMES: Final = ("root", "issuing", "ocsp", "leaf", "gone")
_CONFIG: Final = """
external-url-prefix: "{prefix}"
keysets:
  keys:
    path-prefix: keys
    keys: {{{keys}}}
pki-architectures:
  test:
    keyset: keys
    entity-defaults: {{country-name: CN, organization-name: certomancer}}
    entities: {{{entities}}}
    certs:
      root:
        subject: root
        issuer: root
        validity: &validity {{valid-from: "2020-01-01T00:00:00+0000", valid-to: "2120-01-01T00:00:00+0000"}}
        extensions:
          - {{id: basic_constraints, critical: true, value: {{ca: true}}}}
          - &authority
            id: key_usage
            critical: true
            smart-value: {{schema: key-usage, params: [key_cert_sign, crl_sign]}}
      issuing:
        subject: issuing
        issuer: root
        validity: *validity
        extensions:
          - {{id: basic_constraints, critical: true, value: {{ca: true, path_len_constraint: 0}}}}
          - *authority
          - {{id: crl_distribution_points, smart-value: {{schema: crl-dist-url, params: {{crl-repo-names: [root]}}}}}}
      ocsp:
        subject: ocsp
        issuer: issuing
        validity: *validity
        extensions:
          - &signs {{id: key_usage, critical: true, smart-value: {{schema: key-usage, params: [digital_signature]}}}}
          - {{id: extended_key_usage, value: [ocsp_signing]}}
          - {{id: ocsp_no_check}}
      leaf:
        subject: leaf
        issuer: issuing
        validity: *validity
        extensions: &named
          - *signs
          - id: authority_information_access
            smart-value: {{schema: aia-urls, params: {{ocsp-responder-names: [issuing]}}}}
      gone:
        subject: gone
        issuer: issuing
        validity: *validity
        extensions: *named
        revocation: {{revoked-since: "2021-01-01T00:00:00+0000", reason: key_compromise}}
    services:
      ocsp: {{issuing: {{for-issuer: issuing, responder-cert: ocsp, signing-key: ocsp}}}}
      crl-repo: {{root: {{for-issuer: root, signing-key: root, simulated-update-schedule: "P90D"}}}}
"""


class Certomancer:
    """Its certificates by name; its services answer at the addresses that they name."""

    def __init__(self, folder: Path, place: Place, key_type: str) -> None:
        (folder / "keys").mkdir()
        for one in _NAMES:
            pem = key(f"certomancer {one}", key_type).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            (folder / "keys" / f"{one}.pem").write_bytes(pem)
        text = _CONFIG.format(
            prefix=place.url(""),
            keys=", ".join(f"{one}: {{path: {one}.pem}}" for one in _NAMES),
            entities=", ".join(f"{one}: {{common-name: {one}}}" for one in _NAMES),
        )
        self._test = CertomancerConfig.from_yaml(text, key_search_dir=str(folder)).get_pki_arch(ArchLabel("test"))
        # It would write fractions of a second, which RFC 5280 4.1.2.5.2 forbids.
        moment = datetime.now(UTC).replace(microsecond=0)
        client = Client(Animator(AnimatorArchStore({ArchLabel("test"): self._test}), at_time=moment))

        def answer(asked: Asked) -> Reply:
            kind = asked.headers.get("content-type")
            found: Any = client.open(asked.path, method=asked.method, data=asked.body, content_type=kind)
            return found.status_code, {}, found.data

        for path in ("/test/ocsp/issuing", "/test/crls/root/latest.crl"):
            place.pages[urlsplit(path).path] = answer

    def der(self, name: str) -> bytes:
        return bytes(self._test.get_cert(CertLabel(name)).dump())
