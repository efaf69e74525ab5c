"""The list system behind uvicorn, in this process: start and stop."""

import asyncio
import socket
from contextlib import suppress
from threading import Event, Thread

import uvicorn
from argon2 import PasswordHasher

from demonstration.running.surroundings import environment
from demonstration.running.zcqd import ZcqdDemo, zcqd_environment
from zcqd_app.app import create_app
from zcqd_app.state import Zcqd


class ZcqdSite:
    def __init__(self, demo: ZcqdDemo, hasher: PasswordHasher | None = None) -> None:
        self._demo = demo
        self._hasher = hasher
        self._running: tuple[Zcqd, _Server, Thread] | None = None

    @property
    def zcqd(self) -> Zcqd:
        if self._running is None:
            raise RuntimeError("the site is not running")
        return self._running[0]

    def start(self, seconds: float = 30) -> None:
        """Start it and wait until it answers. Raises RuntimeError when it does not."""
        with environment(zcqd_environment(self._demo.files)):
            app, parts = create_app(self._demo.files.host, self._hasher)
        port = int(self._demo.origin.rpartition(":")[2])
        # No line for each request: the terminal may be showing a PIN dialog.
        config = uvicorn.Config(app, "127.0.0.1", port, log_config=None, access_log=False)
        server = _Server(config)
        thread = Thread(target=server.run_quietly, name="zcqd_app", daemon=True)
        thread.start()
        self._running = parts, server, thread
        if not server.ready.wait(seconds) or not server.started:
            self.stop()
            raise RuntimeError(f"no answer from {self._demo.origin} within {seconds:.0f} s")

    def stop(self) -> None:
        if self._running is None:
            return
        _, server, thread = self._running
        self._running = None
        server.should_exit = True
        thread.join()


class _Server(uvicorn.Server):
    """Says when it is listening, or has given up."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = Event()

    def run_quietly(self) -> None:
        # Where it cannot listen, it says so in its log and wants to leave the process, which is not its own here.
        with suppress(SystemExit):
            asyncio.run(self.serve())

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        try:
            await super().startup(sockets)
        finally:
            self.ready.set()
