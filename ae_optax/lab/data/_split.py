"""How many images each split gets, and which."""

from typing import Any

import numpy as np

from ae_optax.lab.data._errors import DataError
from ae_optax.lab.data._random import random_order


def split_positions(
    count: int, *, validation: Any, test: Any, seed: int, where: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Split the numbers below ``count``, put into random order, into three parts.

    The last are for testing, those before for validation, the rest for training: the test
    images do not depend on ``validation``.

    Args:
        count: How many there are to split.
        validation: How many for validation: an integer, or a share in [0, 1).
        test: How many for testing, likewise.
        seed: Of the order.
        where: The file or argument they come from, with which a message begins.

    Raises:
        TypeError: If ``validation`` or ``test`` is no number, or ``seed`` no integer.
        ValueError: If one is out of range.
        DataError: If no image is left for training.
    """
    sizes = part_size("validation", validation, count), part_size("test", test, count)
    if sum(sizes) >= count:
        raise DataError(
            f"{where}: one image at least must be left for training, got {count}, of which "
            f"{sizes[0]} for validation (`validation`: {validation!r}) and {sizes[1]} for testing "
            f"(`test`: {test!r})."
        )
    order = random_order(seed, "split", count)
    train, held_out, tested = np.split(order, [count - sum(sizes), count - sizes[1]])
    return train, held_out, tested


def part_size(name: str, value: Any, count: int) -> int:
    """Return how many of ``count`` are meant by a number or a share; a share is at least one."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"`{name}` must be a number of images or a share of them, got {value!r}.")
    if isinstance(value, int | np.integer):
        if value < 0:
            raise ValueError(f"`{name}` must be at least 0, got {value!r}.")
        return int(value)
    if not 0 <= value < 1:
        raise ValueError(
            f"`{name}` must be a share in [0, 1) or a whole number of images, got {value!r}."
        )
    return max(1, round(value * count)) if value else 0
