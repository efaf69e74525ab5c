"""The helper of the demonstration, as the separate program that it is."""

import os
import subprocess
import time
from collections.abc import Mapping
from http.client import HTTPException

from demonstration.running.prepare import CERTLOGIN, Demo
from demonstration.walking.assistant import Assistant, HelperMissing

#: The helper is another program, on the user's machine: it must not see the server's secrets.
_SERVER_SECRETS = ("CERTLOGIN_SITE_SECRET_KEYS", "CERTLOGIN_CA_PASSPHRASE")


class HelperProcess:
    def __init__(self, demo: Demo, environment: Mapping[str, str] | None = None) -> None:
        """`environment`: what the helper needs besides ours."""
        self._demo = demo
        self._environment = environment or {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, seconds: float = 30) -> None:
        """Start it and wait until it answers. Raises RuntimeError when it ends or stays silent."""
        ours = {name: value for name, value in os.environ.items() if name not in _SERVER_SECRETS}
        environment = {**ours, **self._environment}
        command = [*CERTLOGIN, "helper", "run", "--config", str(self._demo.files.helper_config)]
        with self._demo.files.helper_log.open("ab") as log:
            self._process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: S603
        page = Assistant(self._demo.origin, self._demo.ports)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            try:
                page.hello()
                return
            except (HelperMissing, HTTPException, ValueError):
                self._wait(0.05)
        self.stop()
        raise RuntimeError(f"the helper did not answer within {seconds:.0f} s; see {self._demo.files.helper_log}")

    def stop(self) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _wait(self, seconds: float) -> None:
        """Give it time; a helper that has ended will never answer."""
        if self._process is None:
            raise RuntimeError("the helper was not started")
        try:
            status = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return
        log = self._demo.files.helper_log.read_text(encoding="utf-8", errors="replace")[-2000:]
        raise RuntimeError(f"the helper ended with status {status}:\n{log}")
