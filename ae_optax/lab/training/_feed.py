"""Batches of images that are not in memory, read and moved to the device ahead of their use."""

import contextlib
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Sharding

from ae_optax.lab.data import Rows
from ae_optax.lab.training._state import key_at

BYTES = 2**24
"""Of the batches that are moved at once, unless one alone is larger; three such parts are held."""


class Chunk(NamedTuple):
    """The batches of some steps.

    Attributes:
        rows: Shape (steps, batch, numbers).
        first: The step of the first one; shape (), int32.
    """

    rows: Any
    first: Any


class Feed:
    """Reads the batches of the steps to come while those before are trained on.

    The order is the one that the images would have in memory.
    """

    def __init__(self, rows: Rows, batch_size: int, steps_per_epoch: int, where: Sharding | None):
        """Begin with nothing read.

        Args:
            rows: The training images.
            batch_size: Images a step.
            steps_per_epoch: Steps in an epoch.
            where: How (steps, batch, numbers) lie on the devices of all processes, each of which
                reads what its own devices need; ``None``: on one.
        """
        self._rows, self._batch, self._epoch = rows, batch_size, steps_per_epoch
        self._where = where
        self._numbers = int(np.prod(rows.shape[1:]))
        size = batch_size * self._numbers * rows.dtype.itemsize
        self._steps = min(steps_per_epoch, max(1, BYTES // size))
        # Its thread ends when nobody holds the feed any more.
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="feed")
        self._ahead: tuple[int, Future[Chunk]] | None = None
        self._now: tuple[int, Chunk] | None = None
        self._order: tuple[int, np.ndarray] | None = None
        self._key: tuple[np.ndarray, Any] | None = None

    @property
    def shape(self) -> Chunk:
        """The shapes of a chunk, and where it lies."""
        shape = (self._steps, self._batch, self._numbers)
        rows = jax.ShapeDtypeStruct(shape, self._rows.dtype, sharding=self._where)
        return Chunk(rows, jax.ShapeDtypeStruct((), jnp.int32))

    def reach(self, done: int) -> int:
        """Return the step up to which a chunk holds the batches that come after ``done`` steps."""
        return self._end(self._now[0] if self._now and self._holds(done) else done)

    def at(self, key: jax.Array, done: int) -> Chunk:
        """Return the chunk with the batch that comes after ``done`` steps, and read on.

        Args:
            key: The run's.
            done: Steps done.

        Raises:
            DataError: If the images cannot be read.
        """
        if self._key is None:  # The state that it belongs to will be donated.
            self._key = np.asarray(jax.random.key_data(key)), jax.random.key_impl(key)
        if self._now is None or not self._holds(done):
            ahead, self._ahead = self._ahead, None
            chunk = ahead[1].result() if ahead and ahead[0] == done else self._read(done)
            self._now = done, chunk
            end = self._end(done)
            self._ahead = end, self._reader.submit(self._read, end)
        return self._now[1]

    def _holds(self, done):
        return self._now is not None and self._now[0] <= done < self._end(self._now[0])

    def _end(self, first):
        return min(first + self._steps, first - first % self._epoch + self._epoch)

    def _read(self, first) -> Chunk:
        start = first - first % self._epoch
        shape, columns = (self._steps, self._batch, self._numbers), np.arange(self._batch)
        own = columns
        if self._where is not None:
            shares: Any = self._where.addressable_devices_indices_map(shape).values()
            own = np.unique([columns[share[1]] for share in shares])
        # All at once and step by step: what comes one after the other is gone through once.
        places = self._order_from(start)[first - start :][: self._steps, own]
        found = np.zeros((self._steps, len(own), self._numbers), self._rows.dtype)
        found[: len(places)] = self._rows[places.reshape(-1)].reshape(*places.shape, self._numbers)
        if self._where is None:
            rows = jax.device_put(found)
        else:

            def part(share: Any) -> np.ndarray:
                return found[share[0], np.searchsorted(own, columns[share[1]])]

            rows = jax.make_array_from_callback(shape, self._where, part)
        return Chunk(rows, np.int32(first))

    def _order_from(self, start) -> np.ndarray:
        """Return the places of the images of an epoch; shape (steps, batch)."""
        if self._order is None or self._order[0] != start:
            n, places = len(self._rows), self._epoch * self._batch
            if self._rows.ordered:
                order = np.arange(n)
            else:
                assert self._key is not None
                with _free_device():
                    key = jax.random.wrap_key_data(jnp.asarray(self._key[0]), impl=self._key[1])
                    order = np.asarray(jax.random.permutation(key_at(key, start, "order"), n))
            filled = np.pad(order, (0, places - n)).reshape(self._epoch, self._batch)
            self._order = start, filled
        return self._order[1]


def _free_device() -> contextlib.AbstractContextManager[Any]:
    """Compute on a device that has no other work, if there is one."""
    try:
        return jax.default_device(jax.local_devices(backend="cpu")[0])
    except RuntimeError:  # This JAX was told to do without.
        return contextlib.nullcontext()
