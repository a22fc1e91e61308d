"""Losses; the name or the docstring says how each reduces over pixels."""

from ae_optax.losses._binary_cross_entropy import bce_mean, bce_sum
from ae_optax.losses._loss import Loss
from ae_optax.losses._squared_error import mse

__all__ = ["Loss", "bce_mean", "bce_sum", "mse"]
