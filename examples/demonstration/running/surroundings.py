"""What the programs of the demonstration find around them: free ports, and secrets in the environment."""

import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def environment(secrets: Mapping[str, str]) -> Iterator[None]:
    """certlogin reads its secrets from the environment of its process. Here two hosts share one process, so each finds
    its own there while it starts, and nobody finds them afterwards.
    """
    before = {name: os.environ.get(name) for name in secrets}
    os.environ.update(secrets)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens on now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [opened.getsockname()[1] for opened in sockets]
    for opened in sockets:
        opened.close()
    return ports


def port_is_free(port: int) -> bool:
    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
