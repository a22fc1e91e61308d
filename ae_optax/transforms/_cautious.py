"""Updates that never work against the gradient."""

from typing import NamedTuple

import jax.numpy as jnp
import optax

from ae_optax._checks import check_rule
from ae_optax._leafwise import map_rule
from ae_optax._transformation import check_transformation, transformation
from ae_optax._trees import cast_like
from ae_optax._types import Scalar


class CautiousState(NamedTuple):
    """What :func:`cautious` remembers between steps.

    Attributes:
        inner: State of the inner transformation.
    """

    inner: optax.OptState


@transformation
def cautious(
    inner: optax.GradientTransformation, *, least: Scalar = 1e-3
) -> optax.GradientTransformation:
    r"""Leave out what an update does against the gradient that is now.

    Elementwise, with a direction of ascent :math:`f(g)`, and the mean over one leaf,

    .. math::

        m = \begin{cases} 1 & f(g)\, g > 0 \\ 0 & \text{otherwise} \end{cases} \qquad
        u = \frac{m\, f(g)}{\max(\mathrm{mean}(m),\, c)}

    A momentum may still point where the gradient was. What agrees with the gradient is lengthened
    by as much as is left out.

    Args:
        inner: :math:`f`, before the learning rate: what it gives out is to be subtracted.
        least: :math:`c \in (0, 1]`; the longest a step becomes is :math:`1 / c` times what it was.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates if ``inner`` does;
        it needs ``params`` if that does.

    Raises:
        ValueError: If ``least`` is outside (0, 1].
        TypeError: If it is not a number, or ``inner`` no gradient transformation.

    References:
        Liang, Chen, Liu and Liu, `Cautious Optimizers: Improving Training with One Line of Code
        <https://arxiv.org/abs/2411.16085>`_, 2024.
    """
    check_transformation("inner", inner)
    check_rule("least", least, "lie in (0, 1]", lambda v: 0 < v <= 1)
    inner = optax.with_extra_args_support(inner)

    def init(params):
        return CautiousState(inner.init(params))

    def update(updates, state, params=None, **extra):
        direction, inner_state = inner.update(updates, state.inner, params, **extra)
        out, _ = map_rule(_agreeing, direction, updates, least=least)
        return cast_like(out, updates), CautiousState(inner_state)

    return optax.GradientTransformationExtraArgs(init, update)


def _agreeing(u, g, *, least):
    # Signs, not the product: that of two small numbers is zero.
    along = jnp.real(jnp.conj(jnp.sign(u)) * jnp.sign(g))
    share = (jnp.sum(along > 0) / max(u.size, 1)).astype(along.dtype)
    # What is no number is not left out: nobody would notice.
    return jnp.where(along <= 0, 0, u) / jnp.maximum(share, least).astype(u.dtype)
