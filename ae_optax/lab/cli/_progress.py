"""Progress: a bar on a terminal, plain lines elsewhere."""

import contextlib
import math
import os
import sys
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Advance = Callable[..., None]


@contextlib.contextmanager
def progress(total: int, unit: str) -> Iterator[Advance]:
    """Show progress while the block runs.

    Args:
        total: How many steps there are.
        unit: What a step is called, in the plural.

    Yields:
        ``advance(text, step=1, line=None, note=None)``: show ``text`` beside the bar and advance
        it; where there is no terminal, print ``line`` instead, if there is one. A ``note`` is
        printed in either case, and stays.
    """
    if not sys.stdout.isatty():
        yield _print_line
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(), transient=True) as bar:
        task = bar.add_task("", total=total)

        def advance(text, step=1, line=None, note=None):
            del line
            if note is not None:
                bar.console.print(note, highlight=False, markup=False)
            bar.update(task, description=text, advance=step)

        yield advance


def rate(value: float) -> str:
    """Return a learning rate for a line of progress; nothing if it is not known."""
    return f"  rate {value:.3g}" if math.isfinite(value) else ""


def speed(seconds: float, steps: int, images: int) -> str:
    """Return how fast steps and images went by, for a line of progress."""
    if seconds <= 0:
        return ""
    return f"  {_brief(steps / seconds)} steps/s  {_brief(images / seconds)} images/s"


def _brief(value):
    """Write a positive number briefly: 12.3, 4560, 78.9k, 12.3M."""
    if value >= 1e6:
        return f"{value / 1e6:.1f}M"
    if value >= 1e4:
        return f"{value / 1e3:.1f}k"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _print_line(text, step=1, line=None, note=None):
    del text, step
    try:
        for printed in (note, line):
            if printed is not None:
                print(printed, flush=True)
    except BrokenPipeError:
        # The reader has gone (`ae-optax train ... | head`). That must not end the run.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
