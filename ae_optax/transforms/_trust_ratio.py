"""Layer-wise rates: a step in proportion to the norm of the parameters it moves."""

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_non_negative, check_positive
from ae_optax._numbers import scalar, widen
from ae_optax._transformation import transformation
from ae_optax._trees import cast_like, map_updates
from ae_optax._types import Scalar
from ae_optax.transforms._weight_decay import check_params_given


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

    def rescale(g, p):
        g = widen(g)
        return _ratio(coefficient, norm(p), norm(g)).astype(g.dtype) * g

    return _with_params(rescale)


@transformation
def scale_by_local_rate(
    *, coefficient: Scalar = 0.001, weight_decay: Scalar = 0.0
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

    def rescale(g, p):
        g, p = widen(g), p.astype(widen(g).dtype)
        decay = scalar(weight_decay, g)
        size = norm(p)
        below = norm(g) + scalar(weight_decay, size) * size
        return _ratio(coefficient, size, below).astype(g.dtype) * (g + decay * p)

    return _with_params(rescale)


def norm(x: jax.Array) -> jax.Array:
    """Return the Euclidean norm of one leaf, in at least float32."""
    return jnp.sqrt(jnp.sum(jnp.square(jnp.abs(widen(x)))))


def _ratio(coefficient, above, below):
    usable = (above > 0) & (below > 0)
    safe = jnp.where(usable, below, jnp.ones_like(below))
    return jnp.where(usable, scalar(coefficient, above) * above / safe, jnp.ones_like(above))


def _with_params(rescale):
    def init(params):
        del params
        return optax.EmptyState()

    def update(updates, state, params=None):
        check_params_given(params)
        return cast_like(map_updates(rescale, updates, params), updates), state

    return optax.GradientTransformation(init, update)
