"""The Euclidean norm of a whole tree, of any size that a float can hold."""

import functools

import jax
import jax.numpy as jnp
import optax

from ae_optax._numbers import default_float, norm, widen


def global_norm(updates: optax.Updates) -> jax.Array:
    r"""Return the Euclidean norm of a whole tree: :math:`\sqrt{\sum_i |g_i|^2}`.

    Where squares overflow or vanish (in float32 above 1e19 and below 1e-12) the sum is taken a
    second time of numbers scaled by a power of two. Elsewhere that costs nothing but the question
    (inside ``jax.vmap``, both).

    Args:
        updates: A tree of arrays; ``None`` leaves and empty ones count nothing.

    Returns:
        A scalar of the default float dtype, summed in at least float32; zero for no leaves.
        Infinite only if the norm itself is too large for it, or a leaf holds an infinity.
    """
    leaves = jax.tree.leaves(updates)
    return _norm(leaves) if leaves else default_float(0.0)


@functools.partial(jax.jit, inline=True)  # Without a compiled step, compiles the branches once.
def _norm(leaves):
    plain = _norm_of_norms(leaves)
    info = jnp.finfo(plain.dtype)
    exact = jnp.isfinite(plain) & (plain > float(info.tiny) ** 0.5 / float(info.eps))
    return jax.lax.cond(exact, lambda: plain, lambda: _scaled_norm(leaves, info.maxexp - 28))


def _norm_of_norms(leaves):
    return norm(jnp.stack([default_float(norm(leaf)) for leaf in leaves]))


def _scaled_norm(leaves, limit):
    wide = [default_float(jnp.abs(widen(leaf))) for leaf in leaves]
    largest = jnp.max(jnp.stack([jnp.max(leaf, initial=0) for leaf in wide]))
    # A power of two, so that nothing is rounded; within what is itself a normal number.
    exponent = jnp.clip(jnp.frexp(jax.lax.stop_gradient(largest))[1], -limit, limit)
    unit = jnp.ldexp(jnp.ones_like(largest), -exponent)
    return _norm_of_norms([leaf * unit for leaf in wide]) / unit
