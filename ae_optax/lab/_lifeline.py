"""A pipe by which a process knows that the one which has started it is gone, however it went."""

import contextlib
import os
import signal
import threading

VARIABLE = "AE_OPTAX_LIFELINE"
"""Tells a process that its standard input is a pipe on which nothing comes but its end."""


class Lifeline:
    """The end of those who hold it is seen by the processes that they have started.

    Attributes:
        end: The standard input of those.
        variables: What their environment has besides.
    """

    def __init__(self):
        self.end, self._held = os.pipe()  # Python lets no process inherit the end that is held.
        self.variables = {VARIABLE: "1"}

    def close(self) -> None:
        """Let go of it; a second time nothing happens."""
        held, self._held = self._held, -1
        if held >= 0:
            os.close(held)
            os.close(self.end)


def heed() -> None:
    """From now on end as by SIGTERM when the lifeline breaks, if this process hangs on one."""
    if os.environ.pop(VARIABLE, None) is None:  # The processes that it starts do not.
        return

    def wait():
        with contextlib.suppress(OSError):
            while os.read(0, 1):
                pass
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()
