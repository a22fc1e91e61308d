"""What is varied, and what each trial has of it: the grid of sweeps and of contenders."""

import copy
import hashlib
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

import numpy as np

from ae_optax._checks import check_at_least, check_finite, check_positive, check_seed
from ae_optax.lab.config import (
    FAILED,
    Binder,
    Call,
    Entry,
    Items,
    Node,
    Number,
    Problems,
    Table,
    Where,
    annotations,
    anything,
    child,
    nearest,
    put,
    shown,
    split,
)

BITS = 53
MAX_TRIALS = 10_000


@dataclass(frozen=True)
class Grid:
    """Numbers at equal ratios.

    Attributes:
        start: The first, positive.
        stop: The last, positive and not the same.
        count: How many, from 2 to 10,000.
    """

    start: float
    stop: float
    count: int

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_positive("start", self.start)
        check_positive("stop", self.stop)
        check_at_least("count", self.count, 2)
        if self.count > MAX_TRIALS:
            raise ValueError(f"`count` must be at most {MAX_TRIALS}, got {self.count!r}.")
        if self.start == self.stop:
            raise ValueError(f"`stop` must differ from `start`, got {self.stop!r} twice.")

    def numbers(self) -> tuple[float, ...]:
        """Return the numbers."""
        # Twelve digits: 1e-3 is then 0.001 and not 0.0010000000000000002.
        return tuple(float(f"{x:.12g}") for x in np.geomspace(self.start, self.stop, self.count))


@dataclass(frozen=True)
class Range:
    """Numbers drawn at random.

    Attributes:
        lowest: The lower end.
        highest: The upper end, above the lower.
        scale: ``"log"``: equal ratios are equally likely, which takes positive ends;
            ``"linear"``: equal differences are.
    """

    lowest: float
    highest: float
    scale: Literal["log", "linear"]

    def __post_init__(self) -> None:
        """Check the ranges."""
        check = check_positive if self.scale == "log" else check_finite
        check("lowest", self.lowest)
        check("highest", self.highest)
        if not self.lowest < self.highest:
            raise ValueError(f"`highest` must be above `lowest`, got {self.highest!r}.")

    def at(self, share: float) -> float:
        """Return the number below which ``share`` of the draws fall."""
        if self.scale == "log":
            return self.lowest * (self.highest / self.lowest) ** share
        return self.lowest + share * (self.highest - self.lowest)


@dataclass(frozen=True)
class Axis:
    """What is varied in one place.

    Attributes:
        path: The place in the config, ``optimizer.learning_rate`` for instance.
        where: Where the path stands.
        nodes: The values of a list or a grid, in order; none for a range.
        range: The range; ``None`` for a list or a grid.
    """

    path: str
    where: Where
    nodes: tuple[Node, ...] = ()
    range: Range | None = None

    def draw(self, seed: int, trial: int) -> Node:
        """Return the value of a random trial: any of a list or grid, any number of a range.

        It is a function of path, seed and trial: more trials, or another axis, leave the values
        of the first trials as they are.
        """
        digest = hashlib.sha256(f"{seed}/{trial}/{self.path}".encode()).digest()
        share = (int.from_bytes(digest[:8], "big") >> (64 - BITS)) / 2**BITS
        if self.range is None:
            return self.at(math.floor(share * len(self.nodes)))
        return self.at(self.range.at(share))

    def ends(self) -> tuple[float, ...]:
        """Return points that show what there is: both ends of a range, every index of a list."""
        if self.range is None:
            return tuple(range(len(self.nodes)))
        return self.range.lowest, self.range.highest

    def at(self, point: float) -> Node:
        """Return the value at ``point``: a number of a range, else an index into the nodes."""
        if self.range is None:
            return self.nodes[int(point)]
        number = float(f"{point:.6g}")
        return Number(self.where, number, repr(number))


Values: TypeAlias = tuple[tuple[Axis, Node], ...]
"""What a trial puts where."""

Made = TypeVar("Made")


def read_axes(over: Table, path: str, binder: Binder) -> tuple[Axis, ...]:
    """Return what a mapping, at ``path`` of the config, varies; what can be read of it."""
    found = (_axis(key, item, child(path, key), binder) for key, item in over.entries.items())
    # What lies inside another place is varied after it.
    return tuple(sorted(filter(None, found), key=lambda axis: len(split(axis.path) or ())))


def first_random(axes: Sequence[Axis]) -> str | None:
    """Return the path of the first random range, or ``None``: all are lists and grids."""
    return next((axis.path for axis in axes if axis.range is not None), None)


def combinations(axes: Sequence[Axis]) -> int:
    """Return how many trials lists and grids make; a range counts as one value."""
    return math.prod(len(axis.nodes) or 1 for axis in axes)


def every(axes: Sequence[Axis]) -> Iterator[Values]:
    """Yield every combination of the values of lists and grids."""
    for nodes in itertools.product(*(axis.nodes for axis in axes)):
        yield tuple(zip(axes, nodes, strict=True))


def drawn(
    axes: Sequence[Axis], trials: int, seed: int, *, crossed: Sequence[Axis] = ()
) -> Iterator[Values]:
    """Yield random trials, equally many for every combination of the ``crossed`` axes."""
    fixed = list(every(crossed))
    for number in range(trials):
        # A trial keeps its number, hence its values, when there are more of them.
        free = tuple((axis, axis.draw(seed, number)) for axis in axes)
        yield fixed[number % len(fixed)] + free


def at(axes: Sequence[Axis], point: Sequence[float]) -> Values:
    """Return what the trial at a point of a search puts where."""
    return tuple((axis, axis.at(x)) for axis, x in zip(axes, point, strict=True))


def examples(axes: Sequence[Axis]) -> Iterator[Values]:
    """Yield trials that between them hold every value of a list and both ends of every range."""
    ends = [axis.ends() for axis in axes]
    for number in range(max(map(len, ends))):
        yield at(axes, [some[number % len(some)] for some in ends])


def each(
    trials: Iterable[Values], make: Callable[[Values, Problems], Made | None], problems: Problems
) -> Iterator[Made]:
    """Yield what ``make`` makes of each trial; what it notes becomes a problem once.

    After a problem, a trial of which every value has been seen before is passed over: its
    mistakes have been named.
    """
    before, tried = len(problems), set()
    for values in trials:
        seen = {(axis.path, node.where) for axis, node in values}
        if len(problems) > before and seen <= tried:
            continue
        tried |= seen
        own = Problems()
        made = make(values, own)
        problems.extend(own)
        if made is not None:
            yield made


def filled(node: Node, values: Values, problems: Problems, path: str = "") -> Any:
    """Return a copy of ``node``, which is at ``path``, with the values of a trial in it."""
    node = copy.deepcopy(node)
    for axis, value in values:
        put(node, split(axis.path) or [], copy.deepcopy(value), axis.where, problems, path)
    return node


def named(values: Values, plain: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a trial by path; numbers that were worked out as ``plain`` has them."""
    return {
        axis.path: _inside(plain, axis.path) if isinstance(node, Number) else anything(node)
        for axis, node in values
    }


def read_seeds(section: Call, problems: Problems) -> tuple[int, ...]:
    """Return the seeds: 0, 1, ... if their number is given, none if nothing is."""
    given = section.arguments["seeds"]
    if given is None:
        return ()
    where, path = section.place("seeds")
    if isinstance(given, int) and given > MAX_TRIALS:
        problems.add(where, path, f"must be at most {MAX_TRIALS}, got {given}.")
        return ()
    values = tuple(range(given)) if isinstance(given, int) else tuple(given)
    if not values:
        problems.add(where, path, "must be at least one.")
    if len(set(values)) < len(values):
        problems.add(where, path, f"must all be different, got {list(values)}.")
    for seed in values:
        try:
            check_seed("seeds", seed)
        except ValueError as error:
            problems.add(where, path, str(error))
    return values


def _inside(plain, path):
    for step in split(path) or ():
        plain = plain[step]
    return plain


def _axis(path: str, entry: Entry, place: str, binder: Binder) -> Axis | None:
    """Return what is varied at ``path``, or ``None`` after a problem at ``place``."""
    problems, node, where = binder.problems, entry.node, entry.where
    if split(path) is None:
        problems.add(where, place, "expected a path, as in optimizer.learning_rate.")
        return None
    if isinstance(node, Items):
        if not node.items:
            problems.add(node.where, place, "must hold at least one value.")
        return Axis(path, where, tuple(node.items)) if node.items else None
    expected = "expected a list, {start, stop, count} or {lowest, highest, scale}, got"
    if not isinstance(node, Table):
        problems.add(node.where, place, f"{expected} {shown(node)}.")
        return None
    if node.entries and not any(_fit(node, record) for record in (Grid, Range)):
        key, over = child(path, next(iter(node.entries))), place.removesuffix(f".{path}")
        reason = f"{expected} a mapping. If {key} is meant, it is one key: `{{{key}: ...}}`, which"
        problems.add(where, place, f"{reason} --set takes as a whole, '{over}={{{key}: ...}}'.")
        return None
    record = max((Grid, Range), key=lambda r: _fit(node, r))
    made = binder.arguments(record, None, node.entries, node.where, place).try_build(problems)
    if made is FAILED:
        return None
    if isinstance(made, Range):
        return Axis(path, where, range=made)
    return Axis(path, where, tuple(Number(node.where, x, repr(x)) for x in made.numbers()))


def _fit(node, record):
    """Return how many keys of ``node`` are, or are nearly, fields of ``record``."""
    keys = itertools.islice(node.entries, 10)  # There are three.
    return sum(bool(nearest(key, annotations(record))) for key in keys)
