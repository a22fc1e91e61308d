"""Being asked to stop: by ctrl-C, a scheduler that needs the machine, a terminal that goes."""

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Collection, Iterator
from typing import Any

from ae_optax.lab.cli._exit import HUNG_UP, STOPPED, TERMINATED

CODES = {signal.SIGINT: STOPPED, signal.SIGTERM: TERMINATED, signal.SIGHUP: HUNG_UP}
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


class Terminated(BaseException):
    """A signal has come that ends programs; like ctrl-C, it passes whoever catches errors.

    Attributes:
        code: The exit code.
    """

    def __init__(self, code: int):
        super().__init__(code)
        self.code = code


@contextlib.contextmanager
def listening() -> Iterator[Stop]:
    """Note ctrl-C, SIGTERM and SIGHUP while the block runs, instead of dying of them; say so once.

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

    with _handled(CODES, note):
        yield stop


@contextlib.contextmanager
def unwinding() -> Iterator[None]:
    """Raise ``Terminated`` where SIGTERM or SIGHUP comes while the block runs, but only once.

    Else a program dies on the spot: its children train on, and drafts stay behind.
    """
    raised = False

    def end(number, frame):
        del frame
        nonlocal raised
        if not raised:  # Another one must not end what the first has begun to end.
            raised = True
            raise Terminated(CODES[signal.Signals(number)])

    with _handled((signal.SIGTERM, signal.SIGHUP), end):
        yield


@contextlib.contextmanager
def _handled(numbers: Collection[signal.Signals], handler: Callable[..., Any]) -> Iterator[None]:
    """Let a handler have signals, except those that `nohup` or a shell wants to be ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield  # Where signals do not come.
        return
    heeded = [number for number in numbers if signal.getsignal(number) != signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in heeded}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)
