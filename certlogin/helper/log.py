"""What the helper writes down: who asked, what came of it, which certificate. Never a PIN, a nonce or a signature."""

import json
import logging

LOGGER = "certlogin.helper"


def record(call: str, origin: str, result: str, certificate_sha256: str = "") -> None:
    """One line. `result` is `ok` or the code of the refusal."""
    entry = {"call": call, "origin": origin, "result": result}
    if certificate_sha256:
        entry["certificate_sha256"] = certificate_sha256
    logging.getLogger(LOGGER).info("%s", json.dumps(entry, ensure_ascii=True))
