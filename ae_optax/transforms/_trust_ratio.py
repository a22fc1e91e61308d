"""Layer-wise rates: a step in proportion to the norm of the parameters it moves."""

import functools

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_non_negative, check_positive
from ae_optax._leafwise import leafwise
from ae_optax._numbers import norm, scalar
from ae_optax._transformation import transformation
from ae_optax._types import Mask, Scalar
from ae_optax.transforms._chain import chain
from ae_optax.transforms._weight_decay import add_decay


@transformation
def scale_by_trust_ratio(*, coefficient: Scalar = 1.0) -> optax.GradientTransformation:
    r"""Give every leaf's update the norm of its parameters.

    With Euclidean norms over one leaf,

    .. math::

        u = \eta_0\, \frac{\lVert\theta\rVert}{\lVert g\rVert}\, g

    and :math:`u = g` where either norm is zero.

    Args:
        coefficient: :math:`\eta_0 > 0`.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; it needs ``params``.

    Raises:
        ValueError: If ``coefficient`` is not positive; in ``update``, if ``params`` is missing.
        TypeError: If ``coefficient`` is not a number.

    References:
        You et al., `Large Batch Optimization for Deep Learning: Training BERT in 76 minutes
        <https://arxiv.org/abs/1904.00962>`_, ICLR 2020.
    """
    check_positive("coefficient", coefficient)

    return leafwise(_trust, reads_params=True, coefficient=coefficient)


def _trust(g, p, *, coefficient):
    return _ratio(coefficient, norm(p), norm(g)).astype(g.dtype) * g


@transformation
def scale_by_local_rate(
    *,
    coefficient: Scalar = 0.001,
    weight_decay: Scalar = 0.0,
    weight_decay_mask: Mask | None = None,
) -> optax.GradientTransformation:
    r"""Scale every leaf by its own learning rate, and decay it at that rate.

    With Euclidean norms over one leaf,

    .. math::

        u = \eta_0\, \frac{\lVert\theta\rVert}{\lVert g\rVert + \lambda\lVert\theta\rVert}\,
            (g + \lambda\,\theta)

    and :math:`u = g + \lambda\,\theta` where the numerator or the denominator is zero.

    Args:
        coefficient: :math:`\eta_0 > 0`, the trust coefficient.
        weight_decay: :math:`\lambda \ge 0`.
        weight_decay_mask: Which parameters decay: a tree of booleans (or a prefix of one), or a
            function of the parameters that makes it. ``None`` decays all. For the others
            :math:`\lambda` is zero; a rate of their own they keep.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; it needs ``params``.

    Raises:
        ValueError: If ``coefficient`` is not positive or ``weight_decay`` negative; in
            ``update``, if ``params`` is missing.
        TypeError: If one of them is not a number.

    References:
        You, Gitman and Ginsburg, `Large Batch Training of Convolutional Networks
        <https://arxiv.org/abs/1708.03888>`_, 2017.
    """
    check_positive("coefficient", coefficient)
    check_non_negative("weight_decay", weight_decay)

    local = functools.partial(leafwise, _local_rate, reads_params=True, coefficient=coefficient)
    decaying = local(weight_decay=weight_decay)
    if weight_decay_mask is None:
        return decaying
    return chain(
        optax.masked(decaying, weight_decay_mask),
        optax.masked(local(weight_decay=0.0), _negation(weight_decay_mask)),
    )


def _local_rate(g, p, *, coefficient, weight_decay):
    size = norm(p)
    below = norm(g) + scalar(weight_decay, size) * size
    decayed = add_decay(g, p, weight_decay=weight_decay)
    return _ratio(coefficient, size, below).astype(g.dtype) * decayed


def _ratio(coefficient, above, below):
    usable = (above > 0) & (below > 0)
    safe = jnp.where(usable, below, jnp.ones_like(below))
    return jnp.where(usable, scalar(coefficient, above) * above / safe, jnp.ones_like(above))


def _negation(mask):
    if callable(mask):
        return lambda params: _negation(mask(params))
    return jax.tree.map(lambda chosen: not chosen, mask)
