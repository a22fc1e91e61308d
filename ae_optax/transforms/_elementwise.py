"""Functions of one number, applied to every coordinate; none keeps state."""

import math

import jax
import jax.numpy as jnp
import optax

from ae_optax import _numbers as numbers
from ae_optax._checks import check_finite, check_positive, is_plain_number
from ae_optax._leafwise import leafwise, times
from ae_optax._transformation import transformation
from ae_optax._types import Scalar


@transformation
def absolute() -> optax.GradientTransformation:
    r"""Replace every coordinate by its absolute value: :math:`u = |g|`.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.
    """
    return leafwise(jnp.abs)


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
    return leafwise(_add, value=value)


@transformation
def at_least(value: Scalar) -> optax.GradientTransformation:
    r"""Raise every coordinate that is smaller to a constant: :math:`u = \max(g, c)`.

    In a denominator, in the place of an :math:`\epsilon` that is added, it leaves the others alone.

    Args:
        value: :math:`c`, finite, in the units of what comes in, which is real.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    Raises:
        ValueError: If ``value`` is not finite.
        TypeError: If ``value`` is not a number.
    """
    check_finite("value", value)
    return leafwise(_at_least, value=value)


@transformation
def identity() -> optax.GradientTransformation:
    """Leave everything as it is: the neutral element of ``chain``.

    Returns:
        A stateless transformation; ignores ``params``.
    """
    return optax.identity()


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
    return leafwise(_power, exponent=exponent)


@transformation
def root() -> optax.GradientTransformation:
    r"""Take the square root of every coordinate: :math:`u = \sqrt g`, for :math:`g \ge 0`.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.
    """
    return leafwise(numbers.root)


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
    return leafwise(times, factor=factor)


@transformation
def sign() -> optax.GradientTransformation:
    r"""Replace every coordinate by its sign: :math:`u = \operatorname{sign} g`, 0 at 0.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    References:
        Bernstein, Wang, Azizzadenesheli and Anandkumar, `signSGD
        <https://arxiv.org/abs/1802.04434>`_, ICML 2018.
    """
    return leafwise(jnp.sign)


@transformation
def square() -> optax.GradientTransformation:
    r"""Square every coordinate: :math:`u = g^2`, for complex leaves :math:`|g|^2`.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.
    """
    return leafwise(_square)


def _add(g, *, value):
    return g + value


def _at_least(g, *, value):
    return jnp.maximum(g, value)


def _power(g, *, exponent):
    if not is_plain_number(exponent):
        return numbers.power(g, exponent)
    if float(exponent).is_integer():
        return jax.lax.integer_pow(g, int(exponent))
    share, doublings = math.frexp(exponent)  # share * 2^doublings; a power of two has 1/2.
    if share == 0.5 and exponent < 1:
        for _ in range(1 - doublings):
            g = numbers.root(g)
        return g
    return numbers.power(g, float(exponent))


def _square(g):
    return (g * jnp.conj(g)) if jnp.iscomplexobj(g) else g * g
