"""Binary cross-entropy from logits."""

import jax
import jax.numpy as jnp
from jax.scipy.special import xlog1py, xlogy

from ae_optax.lab.losses._loss import Loss, of_pixels, over_pixels, with_draws


def bce_mean() -> Loss:
    r"""Measure the binary cross-entropy from logits, averaged over pixels.

    .. math::

        L(x, z) = -\frac1d \sum_{i=1}^d \left[
            x_i \log \sigma(z_i) + (1 - x_i) \log (1 - \sigma(z_i)) \right]

    in nats per pixel, for an image of :math:`d` pixels and logits :math:`z`, computed so that it
    overflows for no logit. Grey targets have a floor above zero, their own entropy: evaluations
    also show ``bce_mean_excess``, what lies above it.

    Returns:
        A loss of logits.
    """
    return _cross_entropy("bce_mean", jnp.mean)


def bce_sum() -> Loss:
    r"""Measure the binary cross-entropy from logits, summed over pixels.

    .. math::

        L(x, z) = -\sum_{i=1}^d \left[
            x_i \log \sigma(z_i) + (1 - x_i) \log (1 - \sigma(z_i)) \right]

    in nats per image; :func:`bce_mean` times the number of pixels, so its gradients are as many
    times larger. It is :math:`-\log p(x \mid z)` of pixels that are independent Bernoulli
    variables, the usual likelihood of :func:`negative_elbo`. Evaluations also show
    ``bce_sum_excess``, what lies above the entropy of grey targets.

    Returns:
        A loss of logits.
    """
    return _cross_entropy("bce_sum", jnp.sum)._replace(likelihood=True)


def _cross_entropy(name, reduce):
    def per_image(logits, target):
        return over_pixels(reduce, jax.nn.softplus(logits) - target * logits)

    def report(seen):
        entropy = over_pixels(
            reduce, -xlogy(seen.target, seen.target) - _of_complement(seen.target)
        )
        return {f"{name}_excess": per_image(seen.output.decoded, seen.target) - entropy}

    def draw(key, seen):
        mean = jax.nn.sigmoid(seen.output.decoded)
        off = jax.random.bernoulli(key, mean).astype(mean.dtype) - mean
        # A mean of d terms has the gradients of a sum over d, and a curvature only d times smaller.
        pixels = mean.size // max(mean.shape[0], 1)
        return mean + off * (1 if reduce is jnp.sum else pixels**0.5)

    loss = of_pixels(name, per_image, reconstruct=jax.nn.sigmoid, expects="logits", report=report)
    return with_draws(loss, draw)


def _of_complement(x):
    return xlog1py(1 - x, -x)
