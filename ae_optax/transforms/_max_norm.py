"""A scalar memory for each leaf, fed with the leaf's max norm."""

import jax
import jax.numpy as jnp
import optax

from ae_optax._leafwise import map_rule
from ae_optax._transformation import check_transformation, transformation
from ae_optax._trees import zero_for


@transformation
def of_max_norm(inner: optax.GradientTransformation) -> optax.GradientTransformation:
    r"""Feed a transformation the max norm of each leaf, one number for the whole tensor.

    .. math::

        u = f(\lVert g \rVert_\infty), \quad
        \lVert g \rVert_\infty = \max_i \lvert g_i \rvert \text{ over one leaf}

    Where one coordinate of a tensor is active all of them count as active: zeros in a sparse
    gradient do not make a memory of its size fade. Meant for the denominator of a
    :func:`quotient`, which divides a leaf by a scalar.

    Args:
        inner: :math:`f`; it sees, and keeps state for, one scalar for each leaf.

    Returns:
        A transformation that keeps structure and dtypes; every leaf it gives out is a scalar.

    Raises:
        TypeError: If ``inner`` is no gradient transformation.
    """
    check_transformation("inner", inner)
    inner = optax.with_extra_args_support(inner)

    def init(params):
        return inner.init(jax.tree.map(lambda p: zero_for(p, jnp.result_type(p)), params))

    def update(updates, state, params=None, **extra):
        del params  # Their shapes are not those that `inner` sees.
        norms, _ = map_rule(_max_norm, updates)
        return inner.update(norms, state, None, **extra)

    return optax.GradientTransformationExtraArgs(init, update)


@jax.custom_jvp
def _max_norm(g):
    size = jnp.abs(g)
    # In one pass: XLA's maximum of a large array on a CPU passes over what is no number, and to
    # look for that beside it reads the array again.
    largest, hidden = jax.lax.reduce(
        (size, jnp.isnan(size)),
        (jnp.zeros([], size.dtype), jnp.zeros([], bool)),
        lambda a, b: (jnp.maximum(a[0], b[0]), a[1] | b[1]),
        tuple(range(size.ndim)),
    )
    return jnp.where(hidden, jnp.full_like(largest, jnp.nan), largest)


@_max_norm.defjvp
def _slope_of_max_norm(primals, tangents):
    (g,), (change,) = primals, tangents
    largest = _max_norm(g)
    here = (jnp.abs(g) == largest) & (g != 0)
    slopes = jnp.where(here, jnp.real(jnp.conj(jnp.sign(g)) * change), 0)
    shared = jnp.maximum(jnp.sum(here, dtype=slopes.dtype), 1)
    return largest, jnp.sum(slopes) / shared
