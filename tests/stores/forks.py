"""What a forked worker would see."""

import os
import signal
from collections.abc import Callable


def in_a_fork(action: Callable[[], object]) -> str:
    """The `repr` of what came of the action in a forked process, or the name of the exception it met."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        outcome = ""
        try:
            outcome = repr(action())
        except BaseException as error:
            outcome = type(error).__name__
        finally:
            os.write(write, outcome.encode())
            # Nothing of this process may run in the child: no test, no report, no clean-up.
            os.kill(os.getpid(), signal.SIGKILL)
    os.close(write)
    os.waitpid(child, 0)
    with os.fdopen(read, "rb") as stream:
        return stream.read().decode()
