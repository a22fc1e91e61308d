"""Which bases, of which blocks, how often: what a matrix optimizer may cost beside Adam."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ae_optax._checks import check_positive_integer, check_rule
from ae_optax.transforms import view

SIZES = (None, 1024, 512, 256, 250, 128, 64)
SIDES = ("all", "smaller")
PERIODS = (10, 20, 50, 100)
FACTORISATION = (3.6, 850.0)
"""Products of a matrix with one of its size in the time of a QR factorisation on a CPU: so many,
and so many over its side."""


class Plan(NamedTuple):
    """What :func:`plan` chose.

    Attributes:
        arguments: For :func:`~ae_optax.soap`: ``sides``, ``block_size`` and ``refresh_every``.
        ratio: The time of a whole training step beside Adam's, as the model has it.
        covered: How many of the pairs of rows and of columns the statistics know, in [0, 1].
        floor: The smallest ratio of all that could be chosen.
    """

    arguments: Mapping[str, Any]
    ratio: float
    covered: float
    floor: float

    def __str__(self) -> str:
        """Say what was chosen, and what it costs."""
        size = self.arguments["block_size"]
        blocks = "whole leaves" if size is None else f"blocks of {size}"
        return (
            f"{self.arguments['sides']} sides of {blocks}, refreshed every "
            f"{self.arguments['refresh_every']} steps: {self.ratio:.2f} times Adam's step, "
            f"{self.covered:.0%} of all pairs known"
        )


def plan(params: Any, batch: int, *, overhead: float = 1.5) -> Plan:
    r"""Choose sides, blocks and periods of SOAP from shapes, for a step of limited length.

    The time of a step is taken as that of its matrix products. The gradient of a batch of :math:`B`
    takes :math:`6 B` operations for each parameter of dense layers; of every (m, n) block, with
    both sides,

    .. math::

        6\, m n (m + n) + \frac{1}{k} \left( (4 + 2 q)(m^3 + n^3) + 2\, m n (m + n) \right)

    for the statistics, the way into the basis and back, and, every :math:`k` steps, the products
    with the statistic, the turn of the moment and a factorisation, which takes as long as
    :math:`q = 3.6 + 850 / m` products, or :math:`3.6 + 850 / n`. Of what stays within the limit
    that is chosen which knows most pairs of rows and of columns, and of those the one that
    refreshes most often.

    Args:
        params: The parameters, or their shapes.
        batch: :math:`B`, how many examples a step has.
        overhead: The limit: a step of SOAP over one of Adam, more than 1.

    Returns:
        A plan, whose ``arguments`` are for :func:`~ae_optax.soap`; printed, it says what it chose.
        It counts on dense layers and a CPU: a convolution uses each parameter many times, and its
        step costs more than is thought here, the ratio less.

    Raises:
        ValueError: If ``batch`` is less than 1, ``overhead`` at most 1, or nothing costs so little.
        TypeError: If ``batch`` is no integer.

    .. code-block:: python

        chosen = plan(params, batch=1000, overhead=1.5)
        optimizer = soap(1e-3, **chosen.arguments)
        print(chosen)
    """
    check_positive_integer("batch", batch)
    check_rule("overhead", overhead, "be more than 1", lambda v: v > 1)
    shapes = [jnp.shape(leaf) for leaf in jax.tree.leaves(params)]
    pairs = _pairs(shapes, "all", None)
    found = [
        Plan(
            {"sides": sides, "block_size": size, "refresh_every": period},
            ratio(shapes, batch, sides=sides, block_size=size, refresh_every=period),
            _pairs(shapes, sides, size) / max(pairs, 1),
            math.inf,
        )
        for sides in SIDES
        for size in SIZES
        for period in PERIODS
    ]
    floor = min(each.ratio for each in found)
    within = [each for each in found if each.ratio <= overhead]
    if not within:
        raise ValueError(
            f"`overhead` must be at least {floor:.3g} with a batch of {batch}, got {overhead!r}: "
            "no blocks cost less. A larger batch costs more beside them."
        )
    best = max(within, key=lambda each: (each.covered, -each.arguments["refresh_every"]))
    return best._replace(floor=floor)


def ratio(
    shapes: Sequence[Any],
    batch: int,
    *,
    sides: str = "all",
    block_size: int | None = None,
    refresh_every: int = 10,
) -> float:
    """Return how long a step with SOAP's arguments should take beside Adam's."""
    gradient = 6.0 * batch * sum(math.prod(shape) for shape in shapes)
    beyond = operations(shapes, sides, block_size, refresh_every)
    return 1 + beyond / gradient if gradient else 1.0


def _blocks(shapes, sides, size):
    """Yield how many blocks there are of a kind, their sides, and which of them have a matrix."""
    seen_as = view(size, sides=sides)
    for shape in shapes:
        layout = seen_as.of(shape)
        for (number, *lengths), covered in zip(layout.blocks.shapes, layout.covered, strict=True):
            yield number, lengths, covered


def operations(shapes: Sequence[Any], sides: str, size: int | None, period: int) -> float:
    """Return how many operations a step is beyond Adam's, a factorisation by its time."""
    total = 0.0
    for number, lengths, covered in _blocks(shapes, sides, size):
        entries = math.prod(lengths)
        for length, on in zip(lengths, covered, strict=True):
            if on:
                turned = 2 * entries * length
                products = FACTORISATION[0] + FACTORISATION[1] / length
                refresh = (4 + 2 * products) * length**3 + turned
                total += number * (3 * turned + refresh / period)
    return total


def _pairs(shapes, sides, size):
    return sum(
        number * length**2
        for number, lengths, covered in _blocks(shapes, sides, size)
        for length, on in zip(lengths, covered, strict=True)
        if on
    )
