"""The precision contract: arithmetic in at least float32, storage as asked for."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ae_optax._checks import is_plain_number
from ae_optax._types import StorageDType


def wide_dtype(dtype: Any) -> Any:
    """Return ``dtype``, or float32 where that is wider."""
    narrow = jnp.issubdtype(dtype, jnp.floating) and jnp.finfo(dtype).bits < 32
    return jnp.dtype(jnp.float32) if narrow else dtype


def widen(x: jax.Array) -> jax.Array:
    """Cast ``x`` to at least float32."""
    x = as_array(x)
    wide = wide_dtype(x.dtype)
    return x if x.dtype == wide else x.astype(wide)


def as_array(x: Any) -> jax.Array:
    """Return ``x`` as an array; one that is an array already costs nothing."""
    return x if isinstance(x, jax.Array) else jnp.asarray(x)


def scalar(value: Any, like: Any) -> Any:
    """Make a hyperparameter meet ``like`` without promoting it.

    A plain number stays a Python number: weakly typed and exact. Anything else is cast to
    the dtype of ``like``.
    """
    if is_plain_number(value):
        return float(value)
    value = jnp.asarray(value)
    # Of a number that met complex leaves the imaginary part is zero.
    real = jnp.iscomplexobj(value) and not jnp.issubdtype(like.dtype, jnp.complexfloating)
    return (value.real if real else value).astype(like.dtype)


def default_float(value: Any) -> jax.Array:
    """Return ``value`` as a new array of the default float dtype (float64 if x64 is enabled)."""
    # A copy: state that shared the memory of an argument would take it along when donated.
    return jnp.array(value, dtype=jnp.result_type(float))


def zeros_like(param: Any, dtype: StorageDType = "params") -> jax.Array:
    """Return zeros of the shape of ``param``, which may be abstract, to store state in."""
    return jnp.zeros_like(param, dtype=storage_dtype(param, dtype))


def full_like(param: Any, value: Any, dtype: StorageDType = "params") -> jax.Array:
    """Return an array of the shape of ``param``, which may be abstract, filled with a number."""
    stored = storage_dtype(param, dtype)
    # A copy: the state of a scalar parameter must not share the memory of the argument.
    return jnp.full_like(param, jnp.array(value, dtype=stored), dtype=stored)


def storage_dtype(param: Any, dtype: StorageDType = "params") -> Any:
    """Return the dtype in which state that belongs to ``param`` is stored."""
    own = jnp.result_type(param)
    if dtype is None:
        return wide_dtype(own)
    return own if isinstance(dtype, str) and dtype == "params" else jnp.dtype(dtype)


def increment(count: jax.Array) -> jax.Array:
    """Return ``count + 1``, or ``count`` if that is the largest number it can hold."""
    return jnp.asarray(optax.safe_increment(count))


def whole(value: Any) -> jax.Array:
    """Return a number of steps as an int32; a plain one that no int32 can be is the largest."""
    value = min(value, np.iinfo(np.int32).max) if is_plain_number(value) else value
    return jnp.asarray(value).astype(jnp.int32)


def one_minus_power(decay: Any, count: jax.Array, like: Any) -> jax.Array:
    r"""Return :math:`1 - \rho^t`, accurate where :math:`\rho^t` is close to one.

    The naive difference loses four of float32's seven digits at :math:`\rho = 0.999, t = 1`.
    """
    if is_plain_number(decay):
        fall = minus_log(decay, like)
        return -jnp.expm1(-count.astype(fall.dtype) * fall)
    dtype = jnp.finfo(like.dtype).dtype
    return _one_minus_power(jnp.asarray(decay).astype(dtype), count.astype(dtype))


@jax.custom_jvp
def _one_minus_power(decay, count):
    return -jnp.expm1(-count * -jnp.log(decay))


@_one_minus_power.defjvp
def _(primals, tangents):
    # Not through the logarithm, whose slope at 0 is infinite. The count is no variable.
    decay, count = primals
    return _one_minus_power(decay, count), -count * power(decay, count - 1) * tangents[0]


def minus_log(decay: Any, like: Any) -> jax.Array:
    r"""Return :math:`-\ln \rho`, of a plain number as accurately as ``like`` can hold it."""
    dtype = jnp.finfo(like.dtype).dtype
    if is_plain_number(decay):
        # On the host, in double precision: 0.999 is not a float32.
        return jnp.asarray(-_log(float(decay)), dtype)
    decay = jnp.asarray(decay).astype(dtype)
    # What forgets at once no longer depends on how fast: the slope is 0 there, not infinite.
    return jnp.where(decay == 0, jnp.inf, -jnp.log(jnp.where(decay == 0, 1, decay)))


@jax.custom_jvp
def root(x: jax.Array) -> jax.Array:
    """Return the square root, of slope 0 at 0.

    A coordinate whose gradient has always been zero depends on no hyperparameter: infinity times
    zero would make every derivative through an update no number.
    """
    return jnp.sqrt(x)


@root.defjvp
def _(primals, tangents):
    y = root(*primals)
    zero = y == 0
    return y, jnp.where(zero, 0, tangents[0] / (2 * jnp.where(zero, 1, y)))


@jax.custom_jvp
def power(x: jax.Array, exponent: Any) -> jax.Array:
    """Return ``x ** exponent`` of ``x`` at or above 0, whose slope at 0 is never infinite.

    There it is 0, as that of :func:`root`, but for an exponent of 1.
    """
    return x**exponent


@power.defjvp
def _(primals, tangents):
    x, exponent = primals
    y, zero = power(x, exponent), x == 0
    safe = jnp.where(zero, 1, x)
    slope = exponent * safe ** (exponent - 1) * tangents[0] + y * jnp.log(safe) * tangents[1]
    return y, jnp.where(zero, jnp.where(exponent == 1, tangents[0], 0), slope)


def norm(x: jax.Array) -> jax.Array:
    """Return the Euclidean norm of one leaf, in at least float32.

    In float32 it is infinite above 1.8e19, and then a ratio to it is zero: the layer stands
    still. Unlike the one question of ``global_norm``, one for each leaf would cost time.
    """
    return root(jnp.sum(jnp.square(jnp.abs(widen(x)))))


def saturate(x: jax.Array, source: jax.Array) -> jax.Array:
    """Return ``x``, kept :func:`in_range` where ``source`` is finite.

    As a numerator: over an infinite denominator it is zero then, and where ``source`` is infinite
    no number, so that an infinite gradient is not hidden.
    """
    if jnp.iscomplexobj(x):
        return x
    # Not `where`, whose call is one more equation for the compiler to take apart.
    return jax.lax.select(jax.lax.is_finite(source), in_range(x), x)


def unhidden(x: jax.Array, source: jax.Array, axes: tuple[int, ...] | None = None) -> jax.Array:
    """Return ``x``, no number anywhere along the axes (all) if ``source`` is not finite somewhere.

    For what divides by a size of the whole: an infinite gradient would look like an ordinary one.
    """
    finite = jnp.all(jnp.isfinite(source), axes, keepdims=True)
    return jnp.where(finite, x, jnp.full_like(x, jnp.nan))


def in_range(x: jax.Array) -> jax.Array:
    """Return ``x``, where it is infinite the largest number of its sign.

    Complex numbers stay as they are: over an infinite denominator they are no numbers anyway.
    """
    if jnp.iscomplexobj(x):
        return x
    largest = jnp.finfo(x.dtype).max
    return jax.lax.clamp(-largest, x, largest)


def _log(decay):
    return math.log(decay) if decay > 0 else -math.inf
