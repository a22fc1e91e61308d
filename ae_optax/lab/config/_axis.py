"""The values that a sweep puts in one place: a list, a grid or a random range."""

import hashlib
import math
from dataclasses import dataclass
from typing import Literal

from ae_optax._checks import check_finite, check_positive
from ae_optax.lab.config._problems import Where
from ae_optax.lab.config._yaml import Node, Number

BITS = 53


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
    """What a sweep varies in one place.

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
