"""Corruptions: what is done to images before a model sees them."""

from ae_optax.lab.corruptions._blur import blur
from ae_optax.lab.corruptions._corruption import Corruption
from ae_optax.lab.corruptions._gaussian_noise import gaussian_noise
from ae_optax.lab.corruptions._knockout import knockout, knockout_block
from ae_optax.lab.corruptions._mixture import clean, mixture
from ae_optax.lab.corruptions._salt_and_pepper import salt_and_pepper

__all__ = [
    "Corruption",
    "blur",
    "clean",
    "gaussian_noise",
    "knockout",
    "knockout_block",
    "mixture",
    "salt_and_pepper",
]
