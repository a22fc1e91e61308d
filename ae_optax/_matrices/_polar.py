r"""The orthogonal matrix nearest to a matrix: :math:`U V^\top` of :math:`U S V^\top`."""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp

from ae_optax._matrices._decompositions import eigh
from ae_optax._matrices._products import adjoint, product, square, unit_scale
from ae_optax._numbers import root

Triple = tuple[Any, Any, Any]

MUON = (3.4445, -4.7750, 2.0315)
CONVERGENT = (2.0, -1.5, 0.5)


def polynomial_steps(
    x: jax.Array, triples: Sequence[Triple], rounded: Callable[[jax.Array], jax.Array]
) -> jax.Array:
    r"""Map singular values :math:`s` to :math:`a s + b s^3 + c s^5`, once for each triple.

    Works on the shorter side; what is between two products is ``rounded``.
    """
    if x.shape[-2] > x.shape[-1]:
        return adjoint(polynomial_steps(adjoint(x), triples, rounded))
    x = rounded(x)
    for a, b, c in triples:
        both = rounded(square(x))
        change = rounded(b * both + c * product(both, both))
        x = rounded(a * x + product(change, x))
    return x


def polar(x: jax.Array) -> jax.Array:
    r"""Return :math:`(X X^\top)^{-1/2} X` by one eigendecomposition of the shorter side.

    Singular values that rounding may have made, of the squares less than a few units in the last
    place of the largest, are divided by that bound: they come out below one and never above.
    """
    if x.shape[-2] > x.shape[-1]:
        return adjoint(polar(adjoint(x)))
    x, _ = unit_scale(x)
    values, vectors = eigh(square(x))
    info = jnp.finfo(x.dtype)
    rounding = 4 * x.shape[-2] ** 0.5 * float(info.eps)
    least = rounding * jnp.max(values, -1, keepdims=True, initial=0)
    inverse = jax.lax.rsqrt(jnp.maximum(jnp.maximum(values, least), float(info.tiny)))
    return product(vectors * inverse[..., None, :].astype(x.dtype), product(adjoint(vectors), x))


def schatten_4(x: jax.Array) -> jax.Array:
    r"""Return :math:`(\sum s^4)^{1/4}`, at least the largest singular value and tighter than most.

    Shape (..., 1, 1). It is the root of the norm of :math:`X X^\top`, which the iteration needs
    anyway.
    """
    if x.shape[-2] > x.shape[-1]:
        x = adjoint(x)
    return root(root(jnp.sum(jnp.square(jnp.abs(square(x))), axis=(-2, -1), keepdims=True)))
