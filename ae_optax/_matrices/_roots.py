r"""Inverse roots :math:`A^{-1/p}` of symmetric matrices without negative eigenvalues.

All take stacks, of shape (N, d, d), and are exact about scale: they work on every matrix over its
largest entry, so that neither 1e-20 nor 1e+20 is lost on the way.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ae_optax._matrices._decompositions import eigh, inverse
from ae_optax._matrices._products import identities_like, product, symmetric, unit_scale
from ae_optax._numbers import power, scalar
from ae_optax._types import Scalar

# Coupled iteration for the inverse square root, in the order in which its pairs (b, a) are used.
CANS = (
    (5.182503604966906, -5.126830178299687),
    (2.586120737395915, -0.641538812403133),
    (2.567364126726186, -0.6391058222170474),
    (2.520560084348265, -0.6330225823828756),
    (2.410759275435182, -0.6186815444268036),
    (2.1883348130094173, -0.5893091162177136),
    (1.8595760874873613, -0.5449991062102938),
    (1.589020160467417, -0.5075811685214573),
    (1.5051653981684994, -0.4957799077972079),
    (1.4925557853149838, -0.49259266842078675),
)

NEWTON_STEPS, NEWTON_TOLERANCE, NEWTON_GROWTH = 100, 1e-6, 1.2
RETRIES, RETRY_ABOVE, FAILED_ABOVE = 6, 0.05, 0.1


def shifted_root(a: jax.Array, p: Scalar, *, eps: Scalar) -> jax.Array:
    r"""Return :math:`(A + \epsilon I)^{-1/p}`; rounding must not lift or sink the smallest.

    An eigenvalue of less than :math:`\epsilon` can only be rounding: all are shifted so that the
    smallest is :math:`\epsilon`.
    """
    a, unit = unit_scale(a)
    shift = scalar(eps, unit) / unit
    values, vectors = eigh(symmetric(a))
    values, shift = values + shift[..., 0], shift[..., 0]
    least = values[..., :1]
    values = jnp.where(least < shift, values - least + shift, values)
    return _assembled(_inverse(values, p), vectors) * _inverse(unit, p)


def pseudo_root(a: jax.Array, p: Scalar) -> jax.Array:
    """Return the inverse root on the range of every matrix, and zero on what it maps to zero."""
    a, unit = unit_scale(a)
    values, vectors = eigh(symmetric(a))
    rounding = a.shape[-1] * float(jnp.finfo(a.dtype).eps)
    kept = values > jnp.max(values, -1, keepdims=True, initial=0) * rounding
    inverse = jnp.where(kept, _inverse(jnp.where(kept, values, 1), p), 0)
    return _assembled(inverse, vectors) * _inverse(unit, p)


def ridged_root(a: jax.Array, p: Scalar, *, eps: Scalar, least: float) -> jax.Array:
    r"""Return :math:`(A + r I)^{-1/p}` with :math:`r = \epsilon \max(\lambda_{\max}, l)`."""
    a, unit = unit_scale(a)
    values, vectors = eigh(symmetric(a))
    ridge = _ridge(values[..., -1:], unit[..., 0], eps, least)
    values = jnp.maximum(values, 0) + ridge
    return _assembled(_inverse(values, p), vectors) * _inverse(unit, p)


def damped_inverse(a: jax.Array, *, damping: Scalar) -> jax.Array:
    r"""Return :math:`(A + \gamma I)^{-1}` by a Cholesky factorisation."""
    a, unit = unit_scale(a)
    least = a.shape[-1] * float(jnp.finfo(a.dtype).eps)
    identity = identities_like(a)
    shift = jnp.maximum(scalar(damping, unit) / unit, least)
    return inverse(symmetric(a) + shift * identity) / unit


def newton_root(
    a: jax.Array, p: int, old: jax.Array, *, eps: Scalar, least: float
) -> tuple[jax.Array, jax.Array]:
    r"""Return :math:`(A + r I)^{-1/p}` by products alone, and how far each is off.

    The coupled iteration fails where :math:`A` is nearly singular. Then it is tried again with
    ten times the ridge, up to six times; where it fails for good ``old`` is kept.
    """
    a, unit = unit_scale(a)
    ridge = _ridge(_largest_eigenvalue(a), unit[..., 0], eps, least)[..., None]
    identity = identities_like(a)

    def attempt(carry):
        tries, root, error = carry
        again = error > RETRY_ABOVE
        factor = 10.0 ** jnp.asarray(tries, a.dtype)
        new, new_error = _coupled_newton(symmetric(a) + factor * ridge * identity, p)
        root = jnp.where(again[..., None, None], new, root)
        return tries + 1, root, jnp.where(again, new_error, error)

    def unfinished(carry):
        tries, _, error = carry
        return (tries < RETRIES) & jnp.any(error > RETRY_ABOVE)

    start = jnp.zeros([], jnp.int32), jnp.zeros_like(a), jnp.full_like(a[..., 0, 0], jnp.inf)
    _, root, error = jax.lax.while_loop(unfinished, attempt, start)
    good = (error < FAILED_ABOVE)[..., None, None]
    return jnp.where(good, root * _inverse(unit, p), old), error


def product_root(a: jax.Array, p: int, *, eps: Scalar) -> jax.Array:
    r"""Return :math:`(A + \epsilon \lVert A \rVert_\infty I)^{-1/p}`, p = 2, 4, 8 ..., by products.

    The relative ridge is part of the method: at a condition of 1e6 it is off by 1 %.
    """
    a, unit = unit_scale(a)
    size = jnp.max(jnp.sum(jnp.abs(a), -1), -1)[..., None, None]
    size = jnp.where(size > 0, size, jnp.ones_like(size))
    identity = identities_like(a)
    ridged = symmetric(a) / size + scalar(eps, a) * identity
    power, inverse = _coupled_cans(ridged, identity)
    for _ in range(p.bit_length() - 2):  # The inverse root of the root.
        power, inverse = _coupled_cans(power, identity)
    return symmetric(inverse) * _inverse(unit * size, p)


def _coupled_cans(a, identity):
    """Return the square root and the inverse square root."""
    size = jnp.max(jnp.sum(jnp.abs(a), -1), -1)[..., None, None]
    y, z, both = a / size, identity, a / size
    for b, c in CANS:
        z, y = b * z + c * product(both, z), b * y + c * product(y, both)
        both = product(z, y)
    return symmetric(y) * jnp.sqrt(size), symmetric(z) / jnp.sqrt(size)


def _coupled_newton(a, p):
    identity = identities_like(a)
    alpha = -1 / p
    size = jnp.sqrt(jnp.sum(a * a, axis=(-2, -1), keepdims=True))
    z = (1 + p) / (2 * size)
    m = z * a
    h = z ** (1 / p) * identity

    def distance(m):
        return jnp.max(jnp.abs(m - identity), axis=(-2, -1))

    def step(carry):
        count, m, h, error, going = carry
        factor = (1 - alpha) * identity + alpha * m
        new = product(_power(factor, p), m)
        new_error = distance(new)
        better = new_error < error * NEWTON_GROWTH
        m = jnp.where(going[..., None, None], new, m)
        h = jnp.where((going & better)[..., None, None], product(h, factor), h)
        error = jnp.where(going, new_error, error)
        return count + 1, m, h, error, going & better & (error > NEWTON_TOLERANCE)

    def unfinished(carry):
        return (carry[0] < NEWTON_STEPS) & jnp.any(carry[-1])

    error = distance(m)
    start = jnp.zeros([], jnp.int32), m, h, error, error > NEWTON_TOLERANCE
    _, _, h, error, _ = jax.lax.while_loop(unfinished, step, start)
    return h, jnp.where(jnp.isnan(error), jnp.inf, error)


def _power(a: jax.Array, p: int) -> Any:
    """Return an integer power by squaring."""
    result = None
    while p:
        if p & 1:
            result = a if result is None else product(result, a)
        p >>= 1
        a = product(a, a) if p else a
    return result


def _largest_eigenvalue(a, steps=100):
    """Return it by power iteration from a fixed start, shape (N, 1)."""
    start = np.random.default_rng(1729).uniform(-1, 1, a.shape[-1])
    v = jnp.broadcast_to(jnp.asarray(start, a.dtype), a.shape[:-1])[..., None]

    def step(_, v):
        v = product(a, v)
        size = jnp.sqrt(jnp.sum(v * v, axis=(-2, -1), keepdims=True))
        return v / jnp.where(size > 0, size, jnp.ones_like(size))

    v = jax.lax.fori_loop(0, steps, step, v)
    return jnp.sum(v * product(a, v), axis=-2)


def _ridge(largest, unit, eps, least):
    # `unit` may be so small that nothing it divides is a number any more.
    tiny = float(jnp.finfo(largest.dtype).tiny)
    ridge = scalar(eps, largest) * jnp.maximum(largest, jnp.minimum(least / unit, 1 / tiny**0.5))
    return jnp.maximum(ridge, tiny)


def _inverse(values: jax.Array, p: Any) -> jax.Array:
    least = float(jnp.finfo(values.dtype).tiny)
    return power(jnp.maximum(values, least), scalar(-1 / p, values))


def _assembled(values, vectors):
    return product(vectors * values[..., None, :], jnp.matrix_transpose(vectors))
