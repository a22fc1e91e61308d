"""Large batches in small parts: gradients gathered over several calls."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_positive_integer
from ae_optax._numbers import whole, widen
from ae_optax._transformation import check_transformation, transformation
from ae_optax._trees import cast_like, check_kinds, map_updates, store, zeros_for


class AccumulateState(NamedTuple):
    """What :func:`accumulate` remembers between steps.

    Attributes:
        count: Number of gradients gathered; shape (), int32.
        sum: Their sum, in at least float32. Structure and shapes of the parameters.
        inner: State of the optimizer.
    """

    count: jax.Array
    sum: optax.Updates
    inner: optax.OptState


@transformation
def accumulate(inner: optax.GradientTransformation, *, every: int) -> optax.GradientTransformation:
    r"""Feed an optimizer the mean of every :math:`k` gradients; in between nothing moves.

    .. math::

        u_t = \begin{cases}
            f\left(\frac1k \sum_{i=t-k+1}^{t} g_i\right) & \text{if } k \text{ divides } t \\
            0 & \text{otherwise}
        \end{cases}

    For a loss that is a mean over its batch, :math:`k` equal batches have the effect of one that
    is :math:`k` times as large. Between emissions ``inner`` does no work, its state and its
    schedules stand still (under ``jax.vmap`` the work is done and thrown away). Extra arguments
    are those of the last of the :math:`k` calls. A missing gradient counts as zero; of a leaf that
    misses the last of the :math:`k` nothing is fed.

    Optax: ``MultiSteps``.

    Args:
        inner: :math:`f`, an optimizer.
        every: :math:`k \ge 1`.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` if ``inner`` does.

    Raises:
        ValueError: If ``every`` is less than 1.
        TypeError: If ``inner`` is no gradient transformation or ``every`` no integer; in
            ``update``, if a leaf is not of floating or complex numbers.
    """
    check_transformation("inner", inner)
    check_positive_integer("every", every)
    inner = optax.with_extra_args_support(inner)

    def init(params):
        return AccumulateState(
            jnp.zeros([], jnp.int32), zeros_for(params, None), inner.init(params)
        )

    def update(updates, state, params=None, **extra):
        check_kinds("updates", updates)
        total = map_updates(lambda g, s: s + widen(g).astype(s.dtype), updates, state.sum)
        total = store(total, state.sum)

        # Operands, not closed over: where nothing is compiled only those keep their sharding.
        def emit(updates, total, inner_state, params):
            mean = cast_like(map_updates(lambda _, s: s / float(every), updates, total), updates)
            out, inner_state = inner.update(mean, inner_state, params, **extra)
            return cast_like(out, updates), jax.tree.map(jnp.zeros_like, total), inner_state

        def wait(updates, total, inner_state, _):
            return map_updates(jnp.zeros_like, updates), total, inner_state

        last = state.count + 1 == whole(every)
        out, total, inner_state = jax.lax.cond(
            last, emit, wait, updates, total, state.inner, params
        )
        return out, AccumulateState(jnp.where(last, 0, state.count + 1), total, inner_state)

    return optax.GradientTransformationExtraArgs(init, update)
