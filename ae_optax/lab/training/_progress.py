"""A bar that shows an interactive session how far a run is."""

import contextlib
import importlib
import sys
from collections.abc import Callable, Iterator, Sequence

from ae_optax.lab._processes import is_first
from ae_optax.lab.runs import EpochRow

OnEpoch = Callable[[EpochRow], None]
OnStart = Callable[[Sequence[EpochRow]], None]

BLOCKS = 20
"""Of a bar in a notebook."""


def is_interactive() -> bool:
    """Tell whether somebody types: at Python's prompt, in IPython or in a notebook."""
    return hasattr(sys, "ps1")


@contextlib.contextmanager
def shown(
    epochs: int, on_start: OnStart, on_epoch: OnEpoch, *, progress: bool
) -> Iterator[tuple[OnStart, OnEpoch]]:
    """Give what calls two functions and, if ``progress``, moves a bar as well."""
    if not (progress and is_first()):
        yield on_start, on_epoch
        return
    show = _in_notebook if "ipykernel" in sys.modules else _in_terminal
    with show(epochs) as tell:

        def start(rows):
            tell(rows[-1].epoch if rows else 0, "compiled")
            on_start(rows)

        def epoch(row):
            tell(row.epoch, f"train {row.train_loss:.5f}  test {row.test_loss:.5f}")
            on_epoch(row)

        yield start, epoch


@contextlib.contextmanager
def _in_terminal(epochs: int) -> Iterator[Callable[[int, str], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    words = TextColumn("{task.description}")
    with Progress(MofNCompleteColumn(), BarColumn(), TimeElapsedColumn(), words) as bar:
        task = bar.add_task("", total=epochs)
        yield lambda done, text: bar.update(task, completed=done, description=text)


@contextlib.contextmanager
def _in_notebook(epochs: int) -> Iterator[Callable[[int, str], None]]:
    """Write over one line, for which rich would need another package in notebooks."""
    display = importlib.import_module("IPython.display").display
    line = display({"text/plain": "compiling"}, raw=True, display_id=True)

    def tell(done, text):
        bar = "█" * (BLOCKS * done // epochs)
        line.update({"text/plain": f"{done}/{epochs} {bar:░<{BLOCKS}} {text}"}, raw=True)

    yield tell
