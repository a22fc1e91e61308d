"""The checkpoints of one run: save while training goes on, restore the newest that is intact."""

import concurrent.futures
import contextlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from ae_optax._checks import check_positive_integer
from ae_optax.lab._processes import is_first, meet
from ae_optax.lab.checkpoints._error import CheckpointError
from ae_optax.lab.checkpoints._history import NONE
from ae_optax.lab.checkpoints._leaves import forms, on_host, paths
from ae_optax.lab.checkpoints._manifest import Manifest
from ae_optax.lab.checkpoints._restore import Restored, Skipped, damaged, restore, steps
from ae_optax.lab.checkpoints._writer import Writer


class Checkpoints:
    """The checkpoints of one run, in one folder.

    A context manager; leaving it waits for the last save::

        with Checkpoints("runs/0123/checkpoints", keep=3) as checkpoints:
            checkpoints.save(step, state, metric=validation_loss, extra={"epoch": epoch})
            state, step, extra, skipped, rows = checkpoints.restore(state)

    A step appears when all of it is written: a process killed at any time leaves the steps saved
    before. Every leaf is stored with its SHA-256, and a leaf that does not match it is never given
    out. With several processes, all must save together and see one file system; the first writes.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        keep: int = 3,
        keep_best: bool = True,
        asynchronous: bool = True,
        identity: Mapping[str, Any] | None = None,
        log: str | Path | None = None,
    ) -> None:
        """Describe the checkpoints; nothing is read or written yet.

        Args:
            folder: Where they are; made by the first save.
            keep: How many of the newest to keep, at least 1.
            keep_best: Whether to keep the one with the lowest metric besides.
            asynchronous: Whether to write in a thread. ``save`` then takes as long as a copy to
                the host, and waits only for a save that is still under way.
            identity: JSON values that say what the run is, the data and the optimizer for example.
                A checkpoint with other ones is refused.
            log: A file of the caller's with the same rows as those saved, one a line of JSON. They
                are taken from there if their own file is damaged.

        Raises:
            TypeError: If ``keep`` is no integer or ``identity`` holds what JSON cannot say.
            ValueError: If ``keep`` is less than 1 or ``identity`` holds a number not finite.
        """
        check_positive_integer("keep", keep)
        self.folder = Path(folder)
        self._writer = Writer(self.folder, keep=keep, keep_best=keep_best)
        self._identity = _plain("identity", dict(identity or {}))
        self._log = None if log is None else Path(log)
        self._thread = concurrent.futures.ThreadPoolExecutor(1) if asynchronous else None
        self._pending: concurrent.futures.Future[None] | None = None

    def __enter__(self) -> "Checkpoints":
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close; the failure of the last save does not hide an error on its way out."""
        try:
            self.close()
        except CheckpointError as failure:
            if error is None:
                raise
            error.add_note(str(failure))

    def steps(self) -> list[int]:
        """Return the steps that are saved completely, in order."""
        return steps(self.folder)

    def save(
        self,
        step: int,
        state: Any,
        *,
        metric: float | None = None,
        extra: Mapping[str, Any] | None = None,
        rows: Sequence[Any] = (),
    ) -> None:
        """Save a state. Its buffers may be donated or overwritten as soon as this returns.

        Args:
            step: The step, at least 0; not one that is saved already.
            state: A tree of arrays, JAX's or NumPy's, random keys included.
            metric: What tells the best checkpoint, the lowest; not finite is never the best.
            extra: JSON values that belong to the state, progress on the host for example.
            rows: JSON values that become more as the run goes on, its epochs for example. They
                must begin with those of the steps saved before: only what is new is looked at, and
                each is written once, into one file beside the steps.

        Raises:
            CheckpointError: If the step is saved already or cannot be written. When asynchronous,
                the failure to write is raised by the next ``save``, ``wait`` or ``close``; that
                ``save`` saves its own step nevertheless.
            TypeError: If a leaf is no array or ``extra`` or ``rows`` hold what JSON cannot say.
            ValueError: If ``step`` is negative, ``state`` holds no number, or ``extra`` or
                ``rows`` one that is not finite.
        """
        if step < 0:
            raise ValueError(f"`step` must be at least 0, got {step}.")
        values = _plain("extra", dict(extra or {}))
        leaves = paths(state)
        if not any(leaf.size for leaf in leaves.values()):
            raise ValueError("`state` must hold at least one number, got none.")
        self._finish()  # First: one copy on the host at a time.
        with _json("rows"):
            self._writer.history.take(rows)
        failure = self._settle()
        arrays = on_host(leaves)
        if is_first():
            if step in self.steps():
                raise CheckpointError(
                    f"{self.folder / str(step)}: step {step} is saved already. "
                    f"Call `discard_after({step - 1})` first to replace it and what follows."
                ) from failure
            best = float(metric) if metric is not None and math.isfinite(metric) else None
            job = (
                Manifest(step, best, self._identity, values, NONE, {}),
                arrays,
                forms(leaves),
            )
            if self._thread is None:
                self._writer.write(*job)
            else:
                self._pending = self._thread.submit(self._writer.write, *job)
        if failure is not None:
            raise failure

    def restore(self, template: Any, step: int | None = None) -> Restored:
        """Read the newest intact checkpoint, or that of one step.

        Args:
            template: A state of the same structure, shapes and dtypes; ``jax.ShapeDtypeStruct``
                serves as a leaf. Where its arrays are placed or sharded, so are the restored ones.
            step: The step; ``None`` for the newest one that is intact.

        Returns:
            The state and what was saved with it, and which newer checkpoints are damaged. Rows that
            are damaged are lost, and no more than they. Call ``discard_after`` with its step before
            saving those steps again.

        Raises:
            CheckpointError: If there is no intact checkpoint, or if it is that of another run; the
                message then names the paths that differ. Nothing is ever cast.
        """
        self._rest()
        return restore(self.folder, template, step, self._identity, self._log)

    def damaged(self) -> list[Skipped]:
        """Read everything that is saved, and return which steps are damaged, oldest first."""
        self._rest()
        return damaged(self.folder)

    def discard_after(self, step: int) -> None:
        """Delete every checkpoint after a step, to go on from there another way.

        Args:
            step: The last step to keep.

        Raises:
            CheckpointError: If one cannot be deleted.
        """
        self._rest()
        self._writer.history.forget()
        if is_first():
            self._writer.delete([late for late in self.steps() if late > step])
        meet()

    def wait(self) -> None:
        """Wait until the last save is complete.

        Raises:
            CheckpointError: If it has failed.
        """
        if (failure := self._settle()) is not None:
            raise failure

    def close(self) -> None:
        """Wait for the last save and end the thread; saves after this are in error.

        Raises:
            CheckpointError: If the last save has failed.
        """
        try:
            self.wait()
        finally:
            if self._thread is not None:
                self._thread.shutdown()

    def _settle(self):
        """Wait for the save under way; return its failure, once."""
        failure = self._pending.exception() if self._pending is not None else None
        self._pending = None
        return failure

    def _finish(self):
        """Wait for the save under way; its failure is yet to be told."""
        if self._pending is not None:
            concurrent.futures.wait([self._pending])

    def _rest(self):
        """Wait for the save under way in all processes."""
        self._finish()
        meet()


def _plain(name, values):
    """Return JSON values as they will be read."""
    with _json(name):
        return json.loads(json.dumps(values, allow_nan=False))


@contextlib.contextmanager
def _json(name: str) -> Iterator[None]:
    """Name the argument that holds what JSON cannot say."""
    try:
        yield
    except TypeError as error:
        raise TypeError(f"`{name}` must hold JSON values only: {error}.") from error
    except ValueError as error:
        raise ValueError(f"`{name}` must hold finite numbers only: {error}.") from error
