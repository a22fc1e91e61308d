"""Images or vectors that stay where they are, and are read when they are used."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import numpy as np

from ae_optax.lab.data._errors import DataError

SAMPLE = 4096
"""How many are looked at before a run starts, at the most."""

HELD = 2**27
"""Bytes of these that are held, so that they are read once: whoever asks for them is not alone."""

THREADS = 8
"""Files that are decoded at once."""


class Source(Protocol):
    """What can be read anywhere: a list, a memory-mapped array, a ``grain.MapDataset``."""

    def __len__(self) -> int:
        """Return how many there are."""
        ...

    def __getitem__(self, position: int, /) -> Any:
        """Return one image or vector."""
        ...


class Rows:
    """Images or vectors of one shape, of which a part is in memory at a time.

    Attributes:
        shape: That of all of them as one array.
        dtype: What is read: bytes of images, or values, float32.
        ordered: Whether they can be read only in their own order, which every epoch then keeps.
    """

    ordered = False

    def __init__(
        self,
        read: Callable[[np.ndarray], np.ndarray],
        count: int,
        *,
        positions: np.ndarray | None = None,
    ):
        """Describe them; one is read, for its shape.

        Args:
            read: ``read(positions) -> array``: those at these places, as they are stored.
            count: How many ``read`` knows.
            positions: Which of them, and in which order; ``None``: all.
        """
        self._read, self._positions = read, positions
        self._sample: np.ndarray | None = None
        first = read(np.asarray([0 if positions is None else positions[0]]))
        self.shape = (count if positions is None else len(positions), *first.shape[1:])
        self.dtype = first.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, at: slice | np.ndarray) -> np.ndarray:
        """Return some of them, in memory."""
        places = np.arange(len(self))[at] if isinstance(at, slice) else at
        return self._read(places if self._positions is None else self._positions[places])

    @property
    def ndim(self) -> int:
        """The rank of all of them as one array."""
        return len(self.shape)

    def sample(self) -> np.ndarray:
        """Return some at even distances, those that a model is shown before it starts."""
        if self._sample is not None:
            return self._sample
        sample = self[self._sampled()]
        if sample.nbytes <= HELD:
            sample.flags.writeable = False
            self._sample = sample
        return sample

    def _sampled(self) -> np.ndarray:
        """Return where those of the sample are."""
        return np.arange(len(self))[:: max(1, len(self) // SAMPLE)][:SAMPLE]


class OrderedRows(Rows):
    """Images or vectors that come one after the other, every epoch anew.

    A run that is taken up in the middle of an epoch reads what lies before once more.
    """

    ordered = True

    def __init__(
        self, begin: Callable[[], Iterator[Any]], count: int, to_row: Callable[[Any], Any]
    ):
        """Describe them; the first is read, for its shape.

        Args:
            begin: Returns an iterator that yields the same each time.
            count: How many it yields, at least.
            to_row: Makes of what it yields what is stored, of shape (1, ...).
        """
        self._begin, self._to_row = begin, to_row
        self._iterator, self._at = begin(), 0
        self._count = count
        self._first = self._next()
        super().__init__(self._in_order, count)

    def _sampled(self) -> np.ndarray:
        """Return the first: those further on would have to be waited for."""
        return np.arange(min(len(self), SAMPLE))

    def _in_order(self, positions):
        return np.concatenate([self._row(position) for position in positions.tolist()])

    def _row(self, position):
        if position == 0:  # Also what fills up the last batch.
            return self._first
        if position < self._at:
            self._iterator, self._at = self._begin(), 0
        while self._at < position:
            self._take()
        return self._next()

    def _next(self):
        return self._to_row(self._take())

    def _take(self):
        row = next(self._iterator, None)
        if row is None:
            self._end()
        self._at += 1
        return row

    def _end(self):
        raise DataError(
            f"`train` must yield {self._count} images or vectors to train on, as `count` says, got "
            f"{self._at}."
        )


def read_each(
    get: Callable[[int], Any], to_row: Callable[[Any], np.ndarray]
) -> Callable[[np.ndarray], np.ndarray]:
    """Return what reads one after the other, several at once.

    Args:
        get: Returns what is at a position; called by several threads.
        to_row: Makes of it what is stored, of shape (1, ...).
    """
    pool = ThreadPoolExecutor(THREADS)

    def read(positions: np.ndarray) -> np.ndarray:
        rows = list(pool.map(lambda position: to_row(get(position)), positions.tolist()))
        shapes: Sequence[Any] = [row.shape for row in rows]
        other: Iterable[int] = (i for i, shape in enumerate(shapes) if shape != shapes[0])
        if (odd := next(iter(other), None)) is not None:
            raise DataError(
                f"images must be of one size, got {shapes[0][1:]} and, at position "
                f"{positions[odd]}, {shapes[odd][1:]}."
            )
        return np.concatenate(rows)

    return read
