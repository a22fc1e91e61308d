"""Being asked to stop: by ctrl-C, or by a scheduler that needs the machine."""

import contextlib
import os
import signal
from collections.abc import Iterator

from ae_optax.lab.cli._exit import STOPPED, TERMINATED

CODES = {signal.SIGINT: STOPPED, signal.SIGTERM: TERMINATED}
STDERR = 2
MESSAGE = b"stopping: the run is saved and can be taken up again by the same command\n"


class Stop:
    """Whether a signal has come, and which.

    Attributes:
        code: The exit code of the first signal, 0 before.
    """

    def __init__(self):
        self.code = 0

    def __call__(self) -> bool:
        """Tell whether the run should be saved and end."""
        return self.code != 0


@contextlib.contextmanager
def listening() -> Iterator[Stop]:
    """Note SIGINT and SIGTERM while the block runs, instead of dying of them; say so once.

    A second signal changes nothing: the state is being saved already.
    """
    stop = Stop()

    def note(number, frame):
        del frame
        if not stop.code:
            stop.code = CODES[signal.Signals(number)]
            # Not `print`: the signal may have come in the middle of another one.
            with contextlib.suppress(OSError):
                os.write(STDERR, MESSAGE)

    before = {number: signal.signal(number, note) for number in CODES}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
