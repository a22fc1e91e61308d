"""Moments that are carried over when the basis they belong to turns."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._matrices._products import multiply, product
from ae_optax._numbers import widen
from ae_optax._transformation import transformation
from ae_optax.transforms._mark import mark
from ae_optax.transforms._parts import Cut


class TurnedState(NamedTuple):
    """What :func:`turned` remembers between steps.

    Attributes:
        inner: State of the inner transformation.
    """

    inner: optax.OptState


class PermutedState(NamedTuple):
    """What :func:`permuted` remembers between steps.

    Attributes:
        inner: State of the inner transformation.
    """

    inner: optax.OptState


class TransportedState(NamedTuple):
    """What :func:`transported` remembers between steps.

    Attributes:
        inner: State of the inner transformation.
    """

    inner: optax.OptState


@transformation
def turned(inner: optax.GradientTransformation) -> optax.GradientTransformation:
    r"""Mark state that turns with the basis, as a first moment does.

    Inside :func:`in_basis`, when bases :math:`Q` become :math:`Q'`, with
    :math:`T = Q^\top Q'`,

    .. math::

        M \leftarrow T_L^\top M\, T_R

    so that :math:`Q_L M Q_R^\top` stays what it is: the moment might as well be kept outside and
    turned each time it is used. Anywhere else it changes nothing.

    Args:
        inner: What keeps the moment, ``average(b1)`` for instance.

    Returns:
        A transformation that does what ``inner`` does.

    Raises:
        TypeError: If ``inner`` is no gradient transformation.
    """
    return mark(inner, TurnedState)


@transformation
def permuted(inner: optax.GradientTransformation) -> optax.GradientTransformation:
    """Mark state that follows the order of the basis vectors, as SOAP's second moment does.

    Inside :func:`in_basis`, when the vectors of a basis are sorted, so are the entries along that
    axis; how far the vectors turn beyond that is ignored. Anywhere else it changes nothing.

    Args:
        inner: What keeps the moment, ``average(b2)`` for instance.

    Returns:
        A transformation that does what ``inner`` does.

    Raises:
        TypeError: If ``inner`` is no gradient transformation.
    """
    return mark(inner, PermutedState)


@transformation
def transported(inner: optax.GradientTransformation) -> optax.GradientTransformation:
    r"""Mark state that is transported to the new basis as the squares of independent numbers are.

    Inside :func:`in_basis`, when bases :math:`Q` become :math:`Q'`, with :math:`T = Q^\top Q'` and
    squares elementwise,

    .. math::

        V \leftarrow (T_L^2)^\top V\, T_R^2

    which is the second moment in the new basis if the covariance was diagonal in the old one.
    Anywhere else it changes nothing.

    Args:
        inner: What keeps the moment, ``average(b2)`` for instance.

    Returns:
        A transformation that does what ``inner`` does.

    Raises:
        TypeError: If ``inner`` is no gradient transformation.
    """
    return mark(inner, TransportedState)


class Change(NamedTuple):
    """How the bases of one block change.

    Attributes:
        old: One for each axis, shape (B, d, d); ``None`` for the identity.
        new: Likewise.
        orders: For each axis in what order the new vectors take up the old, shape (B, d); ``None``:
            vector by vector.
    """

    old: Sequence[jax.Array | None]
    new: Sequence[jax.Array | None]
    orders: Sequence[jax.Array | None]


def _turn(x, change):
    return multiply(x, [None if t is None else jnp.matrix_transpose(t) for t in _turns(change)])


def _transport(x, change):
    turns = _turns(change)
    return multiply(x, [None if t is None else jnp.matrix_transpose(t * t) for t in turns])


def _permute(x, change):
    for axis, order in enumerate(change.orders):
        if order is not None:
            shape = [1] * x.ndim
            shape[0], shape[axis + 1] = order.shape
            x = jnp.take_along_axis(x, order.reshape(shape), axis + 1)
    return x


def _turns(change):
    return [
        None if new is None else product(jnp.matrix_transpose(old), new)
        for old, new in zip(change.old, change.new, strict=True)
    ]


Rule = Callable[[jax.Array, Change], jax.Array]
RULES: dict[type, Rule] = {
    TurnedState: _turn,
    PermutedState: _permute,
    TransportedState: _transport,
}


def carried(state: Any) -> list[Any]:
    """Return the parts of a state that are marked."""
    nodes = jax.tree.leaves(state, is_leaf=_is_marked)
    return [node for node in nodes if _is_marked(node)]


def with_carried(state: Any, new: Sequence[Any]) -> Any:
    """Return a state whose marked parts are ``new``, in the order of :func:`carried`."""
    nodes, tree = jax.tree.flatten(state, is_leaf=_is_marked)
    rest = iter(new)
    return tree.unflatten([next(rest) if _is_marked(node) else node for node in nodes])


def moments_of(parts: Sequence[Any], cut: Cut) -> tuple[list[Rule], list[list[jax.Array]]]:
    """Return the arrays in marked parts of a state, and how each of them moves.

    Returns:
        The rules, and for each cell as many arrays.
    """
    numbers, rows = cut.moments_in(parts)
    rules = [
        RULES[type(part)]
        for part, number in zip(parts, numbers, strict=True)
        for _ in range(number)
    ]
    return rules, rows


def with_moments(parts: Sequence[Any], rows: Sequence[Sequence[jax.Array]], cut: Cut) -> list[Any]:
    """Return marked parts of a state with other arrays, in the order of :func:`moments_of`."""
    return cut.with_moments(parts, rows)


def moved(rules: Sequence[Rule], change: Change, moments: Sequence[jax.Array]) -> list[jax.Array]:
    """Return the moments of one cell in its new bases."""
    pairs = zip(rules, moments, strict=True)
    return [rule(widen(x), change).astype(x.dtype) for rule, x in pairs]


def _is_marked(node):
    return isinstance(node, tuple(RULES))
