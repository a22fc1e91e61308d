"""What a command tells while it runs: a bar on a terminal, plain lines elsewhere, and the log."""

import contextlib
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from ae_optax.lab import runs
from ae_optax.lab.cli._terminal import plain, say
from ae_optax.lab.training import EpochRow

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
    console = Console()
    if not sys.stdout.isatty() or console.is_dumb_terminal:
        yield _print_line
        return
    columns = (
        BarColumn(bar_width=16),
        MofNCompleteColumn(),
        TextColumn(unit),
        TimeRemainingColumn(),
        TextColumn("left"),
        # The rest of the line, whatever the width: its end says the least.
        TextColumn(
            "{task.description}",
            markup=False,
            table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis"),
        ),
    )
    with Progress(*columns, console=console, transient=True, expand=True) as bar:
        task = bar.add_task("", total=total)

        def advance(text, step=1, line=None, note=None):
            del line
            if note is not None:
                console.print(Text(plain(note)))
            bar.update(task, description=plain(text), advance=step)

        yield advance


def rate(value: float) -> str:
    """Return a learning rate for a line of progress; nothing if it is not known."""
    return f"  rate {value:.3g}" if math.isfinite(value) else ""


def speed(seconds: float, steps: int, images: int) -> str:
    """Return how fast steps and images went by, for a line of progress."""
    if seconds <= 0:
        return ""
    return f"  {_brief(steps / seconds)} steps/s  {_brief(images / seconds)} images/s"


class Recorder:
    """Writes the log of a run and shows its progress.

    Args:
        path: The log.
        epochs: How many there will be.
        n_images: How many images there are in each.
        advance: From :func:`progress`.
    """

    def __init__(self, folder: Path, epochs: int, n_images: int, advance: Callable[..., None]):
        self._folder, self._epochs, self._n_images = folder, epochs, n_images
        self._advance = advance
        self._log: runs.Log | None = None
        self._steps = runs.StepLog(folder)
        self._scale = 1.0
        self._shown = 0

    def start(self, rows: Sequence[EpochRow]) -> None:
        """Begin the log, or begin it again, with the epochs that were done before."""
        self.close()
        self._log = runs.Log(self._folder, rows)
        done, self._scale = (rows[-1].epoch, rows[-1].plateau_scale) if rows else (0, 1.0)
        if done or self._shown:
            text = f"taken up after epoch {done}/{self._epochs}"
            self._advance(text, step=done - self._shown, line=text)
        self._shown = done

    def epoch(self, row: EpochRow) -> None:
        """Write a row and show it."""
        assert self._log is not None, "`start` comes first"
        notes = [] if row.plateau_scale == self._scale else [_reduced(row)]
        if skipped := row.metrics.get("skipped_steps"):
            notes.append(f"{skipped:.0f} steps of epoch {row.epoch} were skipped: not finite")
        self._scale = row.plateau_scale
        self._log.write(row)
        pace = speed(row.seconds, row.step // row.epoch, self._n_images)
        losses = f"train {row.train_loss:.5f}  test {row.test_loss:.5f}"
        text = f"{losses}{rate(row.learning_rate)}{pace}"
        self._advance(
            text, line=f"epoch {row.epoch}/{self._epochs}  {text}", note="\n".join(notes) or None
        )
        self._shown = row.epoch

    def steps(self, steps: runs.Steps) -> None:
        """Write what was recorded of single steps."""
        self._steps.write(steps)

    def close(self) -> None:
        """Close the log."""
        if self._log is not None:
            self._log.close()


def _reduced(row):
    """Say that ``reduce_on_plateau`` has lowered the rate at which this epoch was trained."""
    rate = f" to {row.learning_rate:.4g}" if math.isfinite(row.learning_rate) else ""
    return (
        f"learning rate reduced{rate} in epoch {row.epoch} (times {row.plateau_scale:.4g}): "
        "the validation loss had stopped improving"
    )


def _brief(value):
    """Write a positive number briefly: 12.3, 4560, 78.9k, 12.3M."""
    if value >= 1e6:
        return f"{value / 1e6:.1f}M"
    if value >= 1e4:
        return f"{value / 1e3:.1f}k"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _print_line(text, step=1, line=None, note=None):
    del text, step
    say(*(printed for printed in (note, line) if printed is not None))
