"""The browser's end of a WebSocket, and time that passes when a test says so."""

from concurrent.futures import CancelledError, Future
from contextlib import suppress
from math import inf
from typing import Any

import anyio
from anyio.from_thread import BlockingPortal

#: Nothing here waits that long: it ends a test that would hang.
PATIENCE = 30
Message = dict[str, Any]


class Ticker:
    """Stands in for `anyio.sleep`: who waits is met by the test, told how long it is, and let go on."""

    def __init__(self) -> None:
        self._waiting: list[tuple[float, anyio.Event]] = []
        self._came = anyio.Event()
        self._met = anyio.Event()
        #: How many wait now.
        self.waiting = 0

    async def wait(self, seconds: float) -> None:
        mine = (seconds, anyio.Event())
        self._waiting.append(mine)
        self._came.set()
        self.waiting += 1
        try:
            await mine[1].wait()
        finally:
            self.waiting -= 1

    async def asked(self) -> float:
        """The next wait that begins, in seconds: whatever went before it is done."""
        with anyio.fail_after(PATIENCE):
            while not self._waiting:
                self._came = anyio.Event()
                await self._came.wait()
        seconds, self._met = self._waiting.pop(0)
        return seconds

    async def go_on(self) -> None:
        """Let it go that was met last."""
        self._met.set()


class Socket:
    """One connection. The application runs in the portal's event loop, the test in its own thread."""

    def __init__(self, portal: BlockingPortal, app: Any, scope: Message) -> None:
        self._portal = portal
        self._app = app
        self._scope = scope
        self._said, self._hears = anyio.create_memory_object_stream[Message](inf)
        self._answers, self._heard = anyio.create_memory_object_stream[Message](inf)
        self._said.send_nowait({"type": "websocket.connect"})
        self._ended = portal.call(anyio.Event)
        self._task: Future[None] = portal.start_task_soon(self._run)

    async def _run(self) -> None:
        try:
            await self._app(self._scope, self._hears.receive, self._answers.send)
        finally:
            self._answers.close()
            self._ended.set()

    def say(self, text: str) -> None:
        self._portal.call(self._said.send, {"type": "websocket.receive", "text": text})

    def hang_up(self) -> None:
        self._portal.call(self._said.send, {"type": "websocket.disconnect", "code": 1001})

    def hear(self) -> Message:
        """The next message of the server."""
        return self._portal.call(self._next)

    def ask(self, text: str) -> str:
        self.say(text)
        return str(self.hear()["text"])

    def rest(self) -> list[Message]:
        """Whatever was not heard yet, once the application has returned. Raises what the application raised."""
        self._task.result(PATIENCE)
        return self._portal.call(self._all)

    def wait_for_end(self) -> None:
        """Until the application has returned, was cancelled or has raised."""
        with suppress(Exception, CancelledError):
            self._task.result(PATIENCE)
        self._portal.call(self._ended.wait)

    def close(self) -> None:
        self._task.cancel()
        self._portal.call(self._close)

    async def _next(self) -> Message:
        with anyio.fail_after(PATIENCE):
            return await self._heard.receive()

    async def _all(self) -> list[Message]:
        return [message async for message in self._heard]

    async def _close(self) -> None:
        for stream in (self._said, self._hears, self._answers, self._heard):
            stream.close()
