"""Functions of one number, applied to every coordinate; none keeps state."""

import math

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_finite, check_positive, is_plain_number
from ae_optax._numbers import scalar, widen
from ae_optax._transformation import transformation
from ae_optax._trees import map_updates
from ae_optax._types import Scalar


@transformation
def absolute() -> optax.GradientTransformation:
    r"""Replace every coordinate by its absolute value: :math:`u = |g|`.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.
    """
    return _elementwise(lambda g: jnp.abs(g).astype(g.dtype))


@transformation
def add(value: Scalar) -> optax.GradientTransformation:
    r"""Add a constant to every coordinate: :math:`u = g + c`.

    In a denominator this is :math:`\epsilon`, and its place in the chain says which one:
    ``root(), add(eps)`` is Adam's, ``add(eps), root()`` is RMSprop's.

    Args:
        value: :math:`c`, finite, in the units of what comes in.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    Raises:
        ValueError: If ``value`` is not finite.
        TypeError: If ``value`` is not a number.
    """
    check_finite("value", value)
    return _elementwise(lambda g: g + scalar(value, g))


@transformation
def identity() -> optax.GradientTransformation:
    """Leave everything as it is: the neutral element of ``chain``.

    Returns:
        A stateless transformation; ignores ``params``.
    """
    return _elementwise(lambda g: g)


@transformation
def power(exponent: Scalar) -> optax.GradientTransformation:
    r"""Raise every coordinate to a power: :math:`u = g^p`.

    For a plain :math:`p` that is a whole number, or one over a power of two, by multiplications
    and square roots, which take a fraction of the time of a general power.

    Args:
        exponent: :math:`p > 0`. For a :math:`p` that is no whole number the coordinates must
            be non-negative: put :func:`absolute` before.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    Raises:
        ValueError: If ``exponent`` is not positive.
        TypeError: If ``exponent`` is not a number.
    """
    check_positive("exponent", exponent)
    return _elementwise(lambda g: _power(widen(g), exponent).astype(g.dtype))


@transformation
def root() -> optax.GradientTransformation:
    r"""Take the square root of every coordinate: :math:`u = \sqrt g`, for :math:`g \ge 0`.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.
    """
    return _elementwise(jnp.sqrt)


@transformation
def scale(factor: Scalar) -> optax.GradientTransformation:
    r"""Multiply every coordinate by a constant: :math:`u = c\, g`.

    Args:
        factor: :math:`c`, finite, of either sign.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    Raises:
        ValueError: If ``factor`` is not finite.
        TypeError: If ``factor`` is not a number.
    """
    check_finite("factor", factor)
    return _elementwise(lambda g: g * scalar(factor, g))


@transformation
def sign() -> optax.GradientTransformation:
    r"""Replace every coordinate by its sign: :math:`u = \operatorname{sign} g`, 0 at 0.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    References:
        Bernstein, Wang, Azizzadenesheli and Anandkumar, `signSGD
        <https://arxiv.org/abs/1802.04434>`_, ICML 2018.
    """
    return _elementwise(jnp.sign)


@transformation
def square() -> optax.GradientTransformation:
    r"""Square every coordinate: :math:`u = g^2`, for complex leaves :math:`|g|^2`.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.
    """
    return _elementwise(lambda g: (g * jnp.conj(g)) if jnp.iscomplexobj(g) else g * g)


def _power(x, exponent):
    if not is_plain_number(exponent):
        return x ** scalar(exponent, x)
    if float(exponent).is_integer():
        return jax.lax.integer_pow(x, int(exponent))
    share, doublings = math.frexp(exponent)  # share * 2^doublings; a power of two has 1/2.
    if share == 0.5 and exponent < 1:
        for _ in range(1 - doublings):
            x = jnp.sqrt(x)
        return x
    return x ** float(exponent)


def _elementwise(function):
    def init(params):
        del params
        return optax.EmptyState()

    def update(updates, state, params=None):
        del params
        return map_updates(function, updates), state

    return optax.GradientTransformation(init, update)
