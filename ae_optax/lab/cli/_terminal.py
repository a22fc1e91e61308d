"""The terminal: what is told to the reader, whose absence or alphabet must not end a run."""

import codecs
import contextlib
import os
import re
import sys
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from rich.console import Console
from rich.segment import Segment, Segments

from ae_optax.lab.runs import in_words

WIDTH = 120
"""Of tables that go into a file, which has no width: eighty columns would cut numbers off."""

T = TypeVar("T")

GREEK = re.compile("GREEK (SMALL|CAPITAL) LETTER ([A-Z]+)")
CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
SIGNS = {
    "×": "x",
    "÷": "/",
    "·": "*",
    "−": "-",
    "–": "-",
    "—": "-",
    "→": "->",
    "←": "<-",
    "≤": "<=",
    "≥": ">=",
    "≈": "~",
    "√": "sqrt",
    "∈": "in",
    "∞": "inf",
    "‖": "||",
    "⟨": "<",
    "⟩": ">",
}


def say(*lines: str, error: bool = False) -> None:
    """Print lines to the standard output, or to the standard error; it never raises."""
    for line in lines:
        print(plain(line), file=sys.stderr if error else sys.stdout, flush=True)


def warn(warnings: Iterable[str]) -> None:
    """Print warnings to the standard error, one a line."""
    say(*(f"warning: {in_a_line(text)}" for text in warnings), error=True)


def show(renderable: Any) -> None:
    """Print something of rich's, for instance a table."""
    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    parts = console.render(renderable)
    console.print(Segments(Segment(plain(text), style) for text, style, _ in parts), end="")


def attempt(what: str, action: Callable[[], T]) -> T | None:
    """Return what an action returns; if it fails, warn of it and return ``None``.

    For what is made of results that are kept: a figure that fails costs neither them nor what is
    left to be told.
    """
    try:
        return action()
    except OSError as error:
        reason = in_words(error).removesuffix(".")
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
    warn([f"{what} could not be made: {reason}"])
    return None


def in_a_line(text: str) -> str:
    """Return a message without its line breaks, for those who look for one line."""
    return " ".join(text.split())


def plain(text: str) -> str:
    r"""Return a text without power over a terminal: an escape becomes the four letters ``\x1b``.

    Labels, paths and messages can come from somebody else's file.
    """
    return CONTROL.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


@contextlib.contextmanager
def safe_streams() -> Iterator[None]:
    """Let nothing that is written while the block runs raise, whoever writes it.

    A stream that is closed, full or without a reader takes the rest in silence; a character that
    its encoding lacks is written in others.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:  # Else the next file that is opened would be what others print to.
            os.open(os.devnull, os.O_RDWR)
    streams = _SafeStream(sys.stdout), _SafeStream(sys.stderr)
    with contextlib.redirect_stdout(streams[0]), contextlib.redirect_stderr(streams[1]):
        try:
            yield
        finally:
            for stream in streams:
                stream.flush()


class _SafeStream:
    """A text stream of which ``write`` and ``flush`` do not raise."""

    def __init__(self, stream: Any):
        self._stream: Any = stream

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write as much as can be written, and claim that it was all."""
        try:
            try:
                self._stream.write(text)
            except UnicodeEncodeError:
                encoding = getattr(self._stream, "encoding", None) or "ascii"
                self._stream.write(text.encode(encoding, IN_WORDS).decode(encoding))
        except Exception:  # Streams of other programs raise whatever they like.
            self._lose()
        return len(text)

    def flush(self) -> None:
        """Write what is held back."""
        try:
            self._stream.flush()
        except Exception:  # Streams of other programs raise whatever they like.
            self._lose()

    def isatty(self) -> bool:
        """Tell whether somebody watches; a stream that does not know is a file."""
        try:
            return bool(self._stream.isatty())
        except Exception:
            return False

    def _lose(self):
        # What the stream still holds is written when Python ends, and must not fail then.
        nothing = os.open(os.devnull, os.O_WRONLY)
        with contextlib.suppress(Exception):
            os.dup2(nothing, self._stream.fileno())
        os.close(nothing)
        self._stream = None


def _in_words(error):
    letters = error.object[error.start : error.end]
    return "".join(map(_word, letters)), error.end


def _word(letter):
    """Return a letter in ASCII: ``ρ`` becomes ``rho``, ``…`` becomes ``...``."""
    if greek := GREEK.fullmatch(unicodedata.name(letter, "")):
        return greek[2].lower() if greek[1] == "SMALL" else greek[2].capitalize()
    basic = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return SIGNS.get(letter) or basic or "?"


IN_WORDS = "ae_optax.in_words"
codecs.register_error(IN_WORDS, _in_words)
