"""Transformations that take over, or begin, after some steps."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_positive_integer
from ae_optax._numbers import increment, whole
from ae_optax._transformation import check_transformation, transformation
from ae_optax._trees import map_updates


class SwitchState(NamedTuple):
    """What :func:`switch` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        before: State of the transformation that begins.
        after: State of the one that takes over.
    """

    count: jax.Array
    before: optax.OptState
    after: optax.OptState


@transformation
def switch(
    *, at: int, before: optax.GradientTransformation, after: optax.GradientTransformation
) -> optax.GradientTransformation:
    r"""Give out what one transformation makes of the first gradients, and then what another does.

    .. math::

        u_t = \begin{cases} b(g_t) & t \le k \\ a(g_t) & t > k \end{cases}

    Both see every gradient, so that the second has averages by the time it takes over.

    Args:
        at: :math:`k \ge 1`, how many updates are the first's.
        before: :math:`b`.
        after: :math:`a`.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates if both do; it needs
        ``params`` if one of them does.

    Raises:
        ValueError: If ``at`` is less than 1.
        TypeError: If ``at`` is no integer or a part no gradient transformation.
    """
    check_positive_integer("at", at)
    check_transformation("before", before)
    check_transformation("after", after)
    first, second = map(optax.with_extra_args_support, (before, after))

    def init(params):
        return SwitchState(jnp.zeros([], jnp.int32), first.init(params), second.init(params))

    def update(updates, state, params=None, **extra):
        count = increment(state.count)
        early, before_state = first.update(updates, state.before, params, **extra)
        late, after_state = second.update(updates, state.after, params, **extra)
        out = map_updates(lambda a, b: jnp.where(count <= whole(at), a, b), early, late)
        return out, SwitchState(count, before_state, after_state)

    return optax.GradientTransformationExtraArgs(init, update)


class DelayState(NamedTuple):
    """What :func:`delay` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        inner: State of the inner transformation.
    """

    count: jax.Array
    inner: optax.OptState


@transformation
def delay(inner: optax.GradientTransformation, *, steps: int) -> optax.GradientTransformation:
    """Let the first gradients pass, and begin then as if they had never been.

    Args:
        inner: What begins then.
        steps: How many gradients pass, at least 1.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates if ``inner`` does;
        it needs ``params`` if that does.

    Raises:
        ValueError: If ``steps`` is less than 1.
        TypeError: If ``steps`` is no integer or ``inner`` no gradient transformation.
    """
    check_positive_integer("steps", steps)
    check_transformation("inner", inner)
    inner = optax.with_extra_args_support(inner)

    def init(params):
        return DelayState(jnp.zeros([], jnp.int32), inner.init(params))

    def update(updates, state, params=None, **extra):
        count = increment(state.count)
        out, inner_state = inner.update(updates, state.inner, params, **extra)
        waits = count <= whole(steps)
        out = map_updates(lambda g, u: jnp.where(waits, g, u), updates, out)
        kept = jax.tree.map(lambda old, new: jnp.where(waits, old, new), state.inner, inner_state)
        return out, DelayState(count, kept)

    return optax.GradientTransformationExtraArgs(init, update)
