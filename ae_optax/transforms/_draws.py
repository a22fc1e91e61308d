"""What a transformation draws by chance: numbers that the step and a shape decide."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax

from ae_optax._checks import check_seed


@dataclass(frozen=True)
class Draws:
    """A source of random numbers, which gives the same whenever it is asked the same.

    Attributes:
        normal: ``normal(count, shape, dtype)``: independent normal numbers for update ``count``.
        uniform: ``uniform(count)``: one number in [0, 1) for it.
    """

    normal: Callable[[jax.Array, tuple[int, ...], Any], jax.Array]
    uniform: Callable[[jax.Array], jax.Array]


def random_draws(seed: int = 0) -> Draws:
    """Draw by a generator that starts from a seed.

    Arrays of one shape get the same numbers at a step, whatever stands beside them.

    Args:
        seed: In [0, 2³¹).

    Returns:
        A source of chance for :func:`fitted_precondition`.

    Raises:
        ValueError: If ``seed`` lies elsewhere.
        TypeError: If it is no integer.
    """
    check_seed("seed", seed)

    def key(count, use):
        return jax.random.fold_in(jax.random.fold_in(jax.random.key(int(seed)), count), use)

    return Draws(
        normal=lambda count, shape, dtype: jax.random.normal(key(count, 1), shape, dtype),
        uniform=lambda count: jax.random.uniform(key(count, 0)),
    )
