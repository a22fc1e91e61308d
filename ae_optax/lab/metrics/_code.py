"""Which units of the code are used."""

import jax.numpy as jnp

from ae_optax._checks import check_non_negative
from ae_optax.lab.metrics._metric import Metric, of_images
from ae_optax.lab.metrics._moments import add_moments, no_moments


def active_units(*, threshold: float = 0.01) -> Metric:
    r"""Count the units of a variational code that tell images apart.

    A unit is active if the mean of its posterior varies enough over the set:
    :math:`\operatorname{Var}_x\!\left(\mu_j(x)\right) > \delta`.

    Args:
        threshold: :math:`\delta \ge 0`, in units of the code squared.

    Returns:
        ``active_units``, of models that tell a posterior.

    Raises:
        ValueError: If ``threshold`` is negative; when used, if the model tells no posterior.
        TypeError: If ``threshold`` is no number.

    References:
        Burda, Grosse and Salakhutdinov, `Importance Weighted Autoencoders
        <https://arxiv.org/abs/1509.00519>`_, ICLR 2016.
    """
    check_non_negative("threshold", threshold)

    def start(seen):
        return no_moments(seen.require("posterior").mean.shape[1:])

    def add(sums, seen):
        return add_moments(sums, seen.require("posterior").mean, seen.weights)

    def finish(sums):
        return {"active_units": jnp.sum((sums.variance > threshold).astype(jnp.float32))}

    return Metric(start, add, finish)


def dead_units() -> Metric:
    """Measure which fraction of the units of the code is zero for every image of the set.

    Returns:
        ``dead_units``, in [0, 1], of models that tell their code.

    Raises:
        ValueError: When used, if the model tells no code.
    """

    def start(seen):
        return jnp.zeros(seen.require("code").shape[1:], bool)

    def add(ever, seen):
        active = (seen.require("code") != 0) & (seen.weights > 0)[:, None]
        return ever | jnp.any(active, axis=0)

    def finish(ever):
        return {"dead_units": jnp.mean((~ever).astype(jnp.float32))}

    return Metric(start, add, finish)


def code_l0() -> Metric:
    """Count the units of the code that are not zero for an image.

    Returns:
        ``code_l0`` and ``code_l0_std`` over the images, of models that tell their code.

    Raises:
        ValueError: When used, if the model tells no code.
    """

    def per_image(seen):
        return jnp.sum((seen.require("code") != 0).astype(jnp.float32), axis=-1)

    return of_images("code_l0", per_image)
