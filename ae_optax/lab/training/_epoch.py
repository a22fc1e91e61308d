"""Epochs and parts of epochs: a loop over batches of images that live on the device."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from ae_optax.lab.data import Dataset
from ae_optax.lab.training._feed import Chunk
from ae_optax.lab.training._state import EpochSums, TrainState, key_for
from ae_optax.lab.training._step import Step

Numbers = Mapping[str, jax.Array]
Record = Callable[[TrainState, jax.Array], Numbers]
Segment = Callable[[TrainState, jax.Array | Chunk, jax.Array | int], tuple[TrainState, Numbers]]
Epoch = Callable[[TrainState, jax.Array], tuple[TrainState, Numbers]]


def steps_per_epoch(n_images: int, batch_size: int) -> int:
    """Return how many batches an epoch has, the last and perhaps smaller one included."""
    return math.ceil(n_images / batch_size)


def record_nothing(state: TrainState, loss: jax.Array) -> Numbers:
    """Record nothing of a step."""
    del state, loss
    return {}


def make_segment(
    step: Step,
    batch_size: int,
    *,
    record: Record = record_nothing,
    every: int = 1,
    unbroken: int = 1,
    data: Dataset | None = None,
) -> Segment:
    """Make the pure function that trains for a part of an epoch.

    Every epoch has its own order of the images, a function of the run's key and the epoch's first
    step. The last batch holds what is left: the places that stay empty in it weigh nothing. One
    compiled program serves every part, so an epoch in one part and in many gives the same bits.

    Args:
        step: From :func:`make_step`.
        batch_size: Images a step, at least 1.
        record: ``record(state, loss) -> {name: number}``: what is recorded of a step, from the
            state after it and the loss of its batch.
        every: Record every so many steps, at least 1.
        unbroken: So many steps at a time are made in a loop of known length, before which a GPU
            need not wait for the host.
        data: The data set if it is not in memory; the segment is then given a ``Chunk`` of it for
            images, which must hold the batches of all its steps.

    Returns:
        ``segment(state, images, stop) -> (state, log)``: trains until ``stop`` steps are done,
        which must lie in the epoch of ``state.step`` or be its end. The log has room for the
        records of an epoch: the one of the first step that is recorded comes first, and beyond
        those there are it holds zeros. To be compiled by the caller.
    """

    def segment(state, images, stop):
        epoch = _Epoch(step, state, images, batch_size, data)
        begun = state.step > epoch.first
        state = state._replace(epoch=_select(begun, state.epoch, EpochSums.zeros()))
        room, before = epoch.steps // every + 1, state.step // every
        shapes = jax.eval_shape(record, state, jnp.zeros([], jnp.float32))
        log = jax.tree.map(lambda x: jnp.zeros((room, *x.shape), x.dtype), shapes)

        def body(position, carry):
            state, log = carry
            state, loss = epoch.take(state, position)
            # Beyond the end is nowhere: what is written there is dropped.
            place = jnp.where(state.step % every == 0, state.step // every - before - 1, room)
            log = jax.tree.map(
                lambda kept, new: kept.at[place].set(new, mode="drop"), log, record(state, loss)
            )
            return state, log

        start, end = state.step - epoch.first, stop - epoch.first
        carry = (state, log)
        if unbroken > 1:
            blocks = (end - start) // unbroken

            def block(number, carry):
                at = start + number * unbroken
                return jax.lax.fori_loop(0, unbroken, lambda i, c: body(at + i, c), carry)

            carry = jax.lax.fori_loop(0, blocks, block, carry)
            start = start + blocks * unbroken
        return jax.lax.fori_loop(start, end, body, carry)

    return segment


def make_epoch(step: Step, batch_size: int, *, record: Record = record_nothing) -> Epoch:
    """Make the pure function that trains for an epoch, from its beginning.

    Args:
        step: From :func:`make_step`.
        batch_size: Images a step, at least 1.
        record: As in :func:`make_segment`.

    Returns:
        ``epoch(state, images) -> (state, log)``, the log with a record of every step;
        ``state.epoch.loss`` is the mean loss over the images, each at the step that saw it. To be
        compiled by the caller.
    """

    def epoch(state, images):
        this = _Epoch(step, state, images, batch_size)
        state = state._replace(epoch=EpochSums.zeros())

        def body(state, position):
            state, loss = this.take(state, position)
            return state, record(state, loss)

        # The positions are the loop's own: runs side by side have one counter for all.
        return jax.lax.scan(body, state, jnp.arange(this.steps))

    return epoch


class _Epoch:
    """The epoch that a state stands in: its batches in their order."""

    def __init__(
        self,
        step: Step,
        state: TrainState,
        images: jax.Array | Chunk,
        batch_size: int,
        data: Dataset | None = None,
    ):
        n = _whole(data).sizes["train"] if isinstance(images, Chunk) else images.shape[0]
        self.steps, self._step, self._size = steps_per_epoch(n, batch_size), step, batch_size
        self.first = state.step - state.step % self.steps
        places = self.steps * batch_size
        present = (jnp.arange(places) < n).reshape(self.steps, batch_size)
        self._present = None if n == places else present
        if isinstance(images, Chunk):
            before, self._shape = images.first - self.first, _whole(data).shape
            self._rows = lambda position: images.rows[position - before]
            return
        order = jax.random.permutation(key_for(state._replace(step=self.first), "order"), n)
        where = jnp.pad(order, (0, places - n)).reshape(self.steps, batch_size)
        # Rows of a matrix are gathered faster than images.
        table, self._shape = images.reshape(n, -1), images.shape[1:]
        self._rows = lambda position: table.at[where[position]].get(mode="promise_in_bounds")

    def take(self, state: TrainState, position: Any) -> tuple[TrainState, jax.Array]:
        """Take the step at a position, and add it to the sums of the epoch."""
        rows = self._rows(position)
        weights, size = None, self._size
        if self._present is not None:
            # Of the dtype of the values that rows are, or, being bytes, are made into.
            own = jnp.float32 if rows.dtype == jnp.uint8 else rows.dtype
            weights = self._present[position].astype(own)
            size = jnp.sum(self._present[position])
        after, loss = self._step(state, rows.reshape(-1, *self._shape), weights)
        taken = after.faults.count == state.faults.count
        counted = jnp.where(taken, size, 0).astype(jnp.int32)
        sums = EpochSums(
            loss_sum=state.epoch.loss_sum + loss.astype(jnp.float32) * counted.astype(jnp.float32),
            images=state.epoch.images + counted,
            skipped=state.epoch.skipped + (~taken).astype(jnp.int32),
        )
        return after._replace(epoch=sums), loss


def _select(condition, new, old):
    return jax.tree.map(lambda n, o: jnp.where(condition, n, o), new, old)


def _whole(data: Dataset | None) -> Dataset:
    assert data is not None, "what is given in chunks has a data set that tells its size"
    return data
