"""When a run is saved, where, and how it is taken up again."""

import math
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import jax
import jax.numpy as jnp

from ae_optax.lab._processes import largest
from ae_optax.lab.checkpoints import CheckpointError, Restored
from ae_optax.lab.runs import EpochRow, from_json, to_json
from ae_optax.lab.training._state import TrainState


def _warn(error):
    warnings.warn(str(error), stacklevel=2)


class Store(Protocol):
    """Where states are kept: ``ae_optax.lab.checkpoints.Checkpoints``, or memory."""

    def save(
        self,
        step: int,
        state: Any,
        *,
        metric: float | None,
        extra: Mapping[str, Any],
        rows: Sequence[Any],
    ) -> Any:
        """Keep a state, which may be donated as soon as this returns."""

    def steps(self) -> list[int]:
        """Return the steps that are kept, in order."""
        ...

    def restore(self, template: Any, step: int | None = None) -> Any:
        """Return the newest state kept, or that of a step; its ``step``, ``extra`` and ``rows``."""

    def discard_after(self, step: int) -> None:
        """Forget what was kept of later steps."""

    def wait(self) -> None:
        """Return when everything is kept."""


class Memory:
    """Keeps the newest state and that of the lowest metric on the device."""

    def __init__(self):
        self._kept: dict[int, Restored] = {}
        self._lowest = math.inf, 0  # The metric, and the step.

    def save(self, step, state, *, metric, extra, rows):
        """Keep a copy."""
        if metric is not None and metric < self._lowest[0]:
            self._lowest = metric, step
        best = {at: one for at, one in self._kept.items() if at == self._lowest[1]}
        self._kept = best | {step: Restored(jax.tree.map(jnp.copy, state), step, extra, (), rows)}

    def steps(self):
        """Return the steps that are kept."""
        return sorted(self._kept)

    def restore(self, template, step=None):
        """Return a copy of what is kept."""
        del template
        kept = self._kept[max(self._kept) if step is None else step]
        return kept._replace(state=jax.tree.map(jnp.copy, kept.state))

    def discard_after(self, step):
        """Forget what is kept of later steps."""
        self._kept = {at: one for at, one in self._kept.items() if at <= step}

    def wait(self):
        """Return: memory does not make one wait."""


class Saving(NamedTuple):
    """When a run is saved, and where. The end of a run is saved in any case.

    Attributes:
        store: Where.
        every_steps: After so many steps, at least 1; ``None``: not by steps.
        every_minutes: After so much time, but not in the middle of a compiled call; ``None``: not
            by time. 0: after every call and so after every epoch.
        on_failure: Called with the error if a state could not be saved; training goes on.
    """

    store: Store
    every_steps: int | None = None
    every_minutes: float | None = 2.0
    on_failure: Callable[[CheckpointError], None] = _warn


class Saver:
    """Saves a run at the right times, and takes it up from where it was saved last."""

    def __init__(self, saving: Saving | None):
        self._saving = saving
        self._saved_at = time.monotonic()
        self._saved_step: int | None = None

    def restore(self, template: Any) -> tuple[TrainState | None, list[EpochRow], float]:
        """Return state, rows and the seconds of the epoch begun, or ``None``, none and 0."""
        if self._saving is None:
            return None, [], 0.0
        store = self._saving.store
        if self._saved_step is not None:  # It may not be there yet.
            _attempt(self._saving, store.wait)
        if not store.steps():
            self._saved_step = None
            return None, [], 0.0
        restored = store.restore(template)
        store.discard_after(restored.step)  # What is damaged, or of a past that was given up.
        self._saved_at, self._saved_step = time.monotonic(), restored.step
        where = f"the checkpoint of step {restored.step}"
        # Older checkpoints hold their rows among what else was saved.
        told = restored.extra.get("rows", restored.rows)
        rows = [from_json(EpochRow, row, where) for row in told]
        for step, reason in restored.skipped:
            message = f"the checkpoint of step {step} is damaged, that of {restored.step} is used"
            self._saving.on_failure(CheckpointError(f"{message}: {reason}"))
        if restored.rows_damage:
            what = "the log has them" if rows else f"they are lost, the state of {where} is not"
            message = f"the rows of the epochs before are damaged, {what}: {restored.rows_damage}"
            self._saving.on_failure(CheckpointError(message))
        return restored.state, rows, restored.extra["seconds"]

    def next_stop(self, done: int) -> float:
        """Return the step after which the run is to be saved."""
        every = self._saving and self._saving.every_steps
        return done - done % every + every if every else float("inf")

    def after_call(
        self, state: TrainState, done: int, rows: Sequence[EpochRow], seconds: float, *, last: bool
    ) -> None:
        """Save the run if it is time to, and at its end."""
        if self._saving is None:
            return
        if last or self._is_due(self._saving, done):
            self._save(self._saving, state, done, rows, seconds)
        if last:
            _attempt(self._saving, self._saving.store.wait)

    def save_best(self, state: TrainState, rows: Sequence[EpochRow]) -> None:
        """Save the epoch that has just ended, and return when that is done."""
        assert self._saving is not None, "`fit` has a store if the best epoch matters"
        self._save(self._saving, state, rows[-1].step, rows, 0.0)
        _attempt(self._saving, self._saving.store.wait)

    def restore_best(self, template: Any, step: int) -> TrainState | None:
        """Return the state that was saved after a step; ``None``, and say so, if it was not."""
        assert self._saving is not None, "`fit` has a store if the best epoch matters"
        try:
            return self._saving.store.restore(template, step).state
        except CheckpointError as error:
            self._saving.on_failure(error)
            return None

    def _save(self, saving, state, done, rows, seconds):
        if done == self._saved_step:
            return
        self._saved_at, self._saved_step = time.monotonic(), done
        _attempt(saving, lambda: keep_state(saving.store, state, rows, done, seconds))

    def _is_due(self, saving, done):
        steps, minutes = saving.every_steps, saving.every_minutes
        waited = time.monotonic() - self._saved_at
        by_time = minutes is not None and largest(waited) >= 60 * minutes
        return by_time or (steps is not None and done % steps == 0)


class _InJson(Sequence[Any]):
    """Rows as JSON has them, each made when it is asked for: of many most are known."""

    def __init__(self, rows: list[EpochRow]):
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at: Any) -> Any:
        return to_json(self._rows[at])


def keep_state(
    store: Store,
    state: TrainState,
    rows: Sequence[EpochRow],
    step: int | None = None,
    seconds: float = 0.0,
) -> None:
    """Keep a state such that :func:`fit` takes the run up from there.

    Args:
        store: Where.
        state: The state.
        rows: Those of the epochs done; of later ones none are kept.
        step: Steps done, those of the state; ``None``: it is asked, which waits for it.
        seconds: Spent on the epoch that is under way, if one is.

    Raises:
        CheckpointError: If it cannot be written.
    """
    step = int(state.step) if step is None else step
    past = [row for row in rows if row.step <= step]
    # In the middle of an epoch nobody knows what the state is worth.
    metric = past[-1].validation_loss if past and past[-1].step == step else None
    belongs = {"extra": {"seconds": seconds}, "rows": _InJson(past)}
    store.save(step, state, metric=metric, **belongs)


def _attempt(saving, call):
    try:
        call()
    except CheckpointError as error:
        saving.on_failure(error)
