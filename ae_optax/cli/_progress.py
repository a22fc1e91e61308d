"""Progress: a bar on a terminal, plain lines elsewhere."""

import contextlib
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


def _print_line(text, step=1, line=None, note=None):
    del text, step
    for printed in (note, line):
        if printed is not None:
            print(printed, flush=True)
