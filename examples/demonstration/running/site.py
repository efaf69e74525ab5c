"""The reporting system behind werkzeug's threaded server, in this process: start, stop, start again."""

from threading import Thread

from argon2 import PasswordHasher
from flask import Flask
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from demonstration.running.prepare import Demo, site_environment
from demonstration.running.surroundings import environment
from survey_app.app import create_app
from survey_app.state import Survey, survey_of


class Site:
    """The server of one demonstration. Stopping and starting it is what a restart of the host is."""

    def __init__(self, demo: Demo, hasher: PasswordHasher | None = None) -> None:
        self._demo = demo
        self._hasher = hasher
        self._running: tuple[Flask, BaseWSGIServer, Thread] | None = None

    @property
    def survey(self) -> Survey:
        if self._running is None:
            raise RuntimeError("the site is not running")
        return survey_of(self._running[0])

    def start(self) -> None:
        with environment(site_environment(self._demo.files)):
            app = create_app(self._demo.files.survey, self._hasher)
        port = int(self._demo.origin.rpartition(":")[2])
        server = make_server("127.0.0.1", port, app, threaded=True, request_handler=_Quiet)
        thread = Thread(target=server.serve_forever, name="survey_app", daemon=True)
        thread.start()
        self._running = app, server, thread

    def stop(self) -> None:
        if self._running is None:
            return
        app, server, thread = self._running
        self._running = None
        server.shutdown()
        thread.join()
        server.server_close()
        survey_of(app).certlogin.close()


class _Quiet(WSGIRequestHandler):
    """No line for each request: the terminal may be showing a PIN dialog."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass
