"""Steps that are better not taken."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_in_unit_interval, check_positive_integer, check_rule
from ae_optax._numbers import increment, one_minus_power, scalar, whole
from ae_optax._transformation import check_transformation, transformation
from ae_optax._trees import cast_like, check_kinds, map_updates, zero_for
from ae_optax._types import Scalar
from ae_optax.transforms._global_norm import global_norm


class SkipNonFiniteState(NamedTuple):
    """What :func:`skip_non_finite` remembers between steps.

    Attributes:
        skipped: Number of steps skipped; shape (), int32.
        skipped_in_a_row: How many of them since the last step that was taken; likewise.
        inner: State of the optimizer.
    """

    skipped: jax.Array
    skipped_in_a_row: jax.Array
    inner: optax.OptState


@transformation
def skip_non_finite(inner: optax.GradientTransformation) -> optax.GradientTransformation:
    """Skip every step whose gradient holds an infinity or something that is no number.

    A skipped step is a zero update, and the optimizer does not learn of it: its averages,
    counts and schedules stay as they were. All leaves are skipped if one coordinate is not
    finite. However many such steps there are in a row, none is ever taken; their number can be
    read from the state.

    Optax: ``apply_if_finite``.

    Args:
        inner: An optimizer.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` if ``inner`` does.

    Raises:
        TypeError: If ``inner`` is no gradient transformation.
    """
    check_transformation("inner", inner)
    inner = optax.with_extra_args_support(inner)

    def init(params):
        return SkipNonFiniteState(
            zero_for(params, jnp.int32), zero_for(params, jnp.int32), inner.init(params)
        )

    def update(updates, state, params=None, **extra):
        taken = _all_finite(updates)
        out, inner_state = _step_if(taken, inner, updates, state.inner, params, extra)
        return out, SkipNonFiniteState(
            _count_unless(taken, state.skipped),
            jnp.where(taken, 0, _count_unless(taken, state.skipped_in_a_row)),
            inner_state,
        )

    return optax.GradientTransformationExtraArgs(init, update)


class SkipOutliersState(NamedTuple):
    """What :func:`skip_outliers` remembers between steps.

    Attributes:
        count: Number of gradients in the mean; shape (), int32.
        norm: Running mean of the gradients' norm; shape (), default float dtype.
        skipped: Number of steps skipped; shape (), int32.
        inner: State of the optimizer.
    """

    count: jax.Array
    norm: jax.Array
    skipped: jax.Array
    inner: optax.OptState


@transformation
def skip_outliers(
    inner: optax.GradientTransformation,
    *,
    factor: Scalar = 10.0,
    decay: Scalar = 0.99,
    warmup_steps: int = 20,
) -> optax.GradientTransformation:
    r"""Skip every step whose gradient is much longer than those before it.

    With the Euclidean norm :math:`n_t` over all leaves and its running mean,

    .. math::

        \text{skip if } n_t &> c\, \bar n_{t-1} \\
        \bar n_t &= \text{debiased average, at decay } \rho \text{, of } \min(n_i, c\,
            \bar n_{i-1}), \; i \le t

    A skipped step is a zero update, and the optimizer does not learn of it. The mean does, of as
    much as would just have been taken, so gradients that are longer for good are taken after
    about :math:`\ln r / ((1 - \rho)(c - 1))` steps if they are :math:`r c` times as long. The
    first steps are all taken and only counted. A gradient that is zero tells nothing and leaves
    the mean alone; so does one that is not finite, which is always skipped.

    Args:
        inner: An optimizer.
        factor: :math:`c > 1`.
        decay: :math:`\rho \in [0, 1)`; the mean spans about :math:`1 / (1 - \rho)` steps.
        warmup_steps: At least 1: so many gradients are needed to tell what is usual.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` if ``inner`` does.

    Raises:
        ValueError: If ``factor`` is not greater than 1, ``decay`` outside [0, 1) or
            ``warmup_steps`` less than 1.
        TypeError: If ``inner`` is no gradient transformation, ``warmup_steps`` no integer, or
            another argument no number; in ``update``, if a leaf is not of floating or complex
            numbers.
    """
    check_transformation("inner", inner)
    check_rule("factor", factor, "be greater than 1 and finite", lambda v: 1 < v < float("inf"))
    check_in_unit_interval("decay", decay)
    check_positive_integer("warmup_steps", warmup_steps)
    inner = optax.with_extra_args_support(inner)

    def init(params):
        return SkipOutliersState(
            count=zero_for(params, jnp.int32),
            norm=zero_for(params, float),
            skipped=zero_for(params, jnp.int32),
            inner=inner.init(params),
        )

    def update(updates, state, params=None, **extra):
        check_kinds("updates", updates)
        length = global_norm(updates)
        finite = jnp.isfinite(length) & _all_finite(updates)
        bound = scalar(factor, length) * state.norm
        known = state.count >= whole(warmup_steps)
        taken = finite & ~(known & (length > bound))
        out, inner_state = _step_if(taken, inner, updates, state.inner, params, extra)

        count = increment(state.count)
        weight = (1 - scalar(decay, length)) / one_minus_power(decay, count, length)
        counted = jnp.where(known, jnp.minimum(length, bound), length)
        counts = finite & (length > 0)
        mean = state.norm + weight * (counted - state.norm)
        return out, SkipOutliersState(
            jnp.where(counts, count, state.count),
            jnp.where(counts, mean, state.norm),
            _count_unless(taken, state.skipped),
            inner_state,
        )

    return optax.GradientTransformationExtraArgs(init, update)


def _all_finite(updates):
    return jnp.all(jnp.asarray([jnp.all(jnp.isfinite(u)) for u in jax.tree.leaves(updates)]))


def _step_if(taken, inner, updates, state, params, extra):
    """Return the step and the new state, or zeros and the old one; do not compute both."""

    # Operands, not closed over: where nothing is compiled only those keep their sharding.
    def step(updates, state, params):
        out, new = inner.update(updates, state, params, **extra)
        return cast_like(out, updates), new

    def skip(updates, state, _):
        return map_updates(jnp.zeros_like, updates), state

    return jax.lax.cond(taken, step, skip, updates, state, params)


def _count_unless(taken, count):
    return jnp.where(taken, count, increment(count))
