"""The likelihood of pixels that are normally distributed about the output."""

import math
from typing import Literal

import jax
import jax.numpy as jnp

from ae_optax._checks import check_positive
from ae_optax._numbers import scalar
from ae_optax._types import Scalar
from ae_optax.lab.losses._loss import Loss, Term, as_it_is, over_pixels, with_draws


def gaussian_nll(variance: Scalar | Literal["learnt"] = 1.0) -> Loss:
    r"""Measure the negative logarithm of a Gaussian likelihood, summed over pixels.

    .. math::

        -\log p(x \mid r) = \tfrac12 \sum_{i=1}^d \left[
            \frac{(x_i - r_i)^2}{\sigma^2} + \log (2 \pi \sigma^2) \right]

    in nats per image, all constants included, so that values for different :math:`\sigma^2` can
    be compared. It is a density and may be negative.

    Args:
        variance: :math:`\sigma^2 > 0`, in units of a pixel squared; or ``"learnt"``: what the
            model tells, as one with ``learnt_variance`` does.

    Returns:
        A loss of pixel values.

    Raises:
        ValueError: If ``variance`` is not positive; when used, if it is ``"learnt"`` and the model
            tells none.
        TypeError: If ``variance`` is neither a number nor ``"learnt"``.
    """
    learnt = isinstance(variance, str) and variance == "learnt"
    if not learnt:
        check_positive("variance", variance)

    def terms(seen):
        squares = jnp.square(seen.output.decoded - seen.target)
        if learnt:
            log_variance = seen.require("log_variance")
            per_pixel = squares * jnp.exp(-log_variance) + log_variance
        else:
            sigma2 = scalar(variance, squares)
            log_sigma2 = math.log(sigma2) if isinstance(sigma2, float) else jnp.log(sigma2)
            per_pixel = squares / sigma2 + log_sigma2
        return {"gaussian_nll": Term(over_pixels(jnp.sum, per_pixel + math.log(2 * math.pi)) / 2)}

    def draw(key, seen):
        mean = seen.output.decoded
        noise = jax.random.normal(key, mean.shape, mean.dtype)
        if learnt:
            return mean + jnp.exp(seen.require("log_variance") / 2) * noise
        return mean + scalar(variance, mean) ** 0.5 * noise

    loss = Loss(terms, reconstruct=as_it_is, expects="values", likelihood=True)
    return with_draws(loss, draw)
