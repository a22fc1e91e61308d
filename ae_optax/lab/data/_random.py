"""Random numbers that are the same on every machine and in every version of NumPy."""

import hashlib

import numpy as np

from ae_optax._checks import check_seed


def random_bits(seed: int, purpose: str, count: int) -> np.ndarray:
    """Return ``count`` random integers, uint64.

    Args:
        seed: In [0, 2³¹).
        purpose: What they are for: another purpose gets other numbers.
        count: How many.

    Raises:
        TypeError: If ``seed`` is not an integer.
        ValueError: If ``seed`` lies elsewhere.
    """
    check_seed("seed", seed)
    # NumPy keeps this stream for good, but not what its generators make of it.
    words = hashlib.sha256(f"{seed}/{purpose}".encode(errors="surrogateescape")).digest()
    return np.random.PCG64(int.from_bytes(words, "big")).random_raw(count)


def random_order(seed: int, purpose: str, count: int) -> np.ndarray:
    """Return the numbers below ``count`` in random order."""
    return np.argsort(random_bits(seed, purpose, count), kind="stable")


def random_uniform(seed: int, purpose: str, shape: tuple[int, ...]) -> np.ndarray:
    """Return numbers uniform in [0, 1), float64."""
    bits = random_bits(seed, purpose, int(np.prod(shape)))
    return (bits >> np.uint64(11)).astype(np.float64).reshape(shape) * 2.0**-53
