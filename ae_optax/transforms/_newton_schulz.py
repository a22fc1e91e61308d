"""The Newton-Schulz iteration: towards the nearest orthogonal matrix by products alone."""

from collections.abc import Sequence
from typing import Any

import optax

from ae_optax._checks import check_finite, check_integer, shown
from ae_optax._leafwise import leafwise
from ae_optax._matrices._polar import MUON, polynomial_steps
from ae_optax._numbers import storage_dtype, widen
from ae_optax._transformation import transformation
from ae_optax._types import Scalar


@transformation
def newton_schulz(
    coefficients: tuple[Scalar, Scalar, Scalar] | Sequence[tuple[Scalar, Scalar, Scalar]] = MUON,
    *,
    steps: int | None = None,
    dtype: Any = None,
) -> optax.GradientTransformation:
    r"""Push every singular value of every matrix towards one.

    On a leaf :math:`X` of two axes, transposed first if it has more rows than columns, ``steps``
    times

    .. math::

        A &= X X^\top \\
        X &\leftarrow a X + (b A + c A^2) X

    which maps a singular value :math:`s` to :math:`a s + b s^3 + c s^5` and leaves the singular
    vectors alone; of complex numbers :math:`X^\top` is conjugated, too. The default coefficients
    grow small values fast and end between about 0.7 and 1.2 instead of at one;
    (15/8, -10/8, 3/8) converge. No singular value may exceed one: put :func:`divide_by_norm` before
    it, or take both together, :func:`orthogonalize`.

    Of a leaf with more than two axes every matrix of the last two is treated alike; a leaf with
    fewer is left as it is.

    Args:
        coefficients: :math:`(a, b, c)`, or such three for each iteration; the last are repeated.
        steps: Number of iterations, at least 0; ``None``: as many as there are threes, and five of
            one.
        dtype: The dtype of the matrices between products, ``None`` for that of the leaf but at
            least float32. Products are summed in at least float32 whatever it is.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    Raises:
        ValueError: If coefficients are not three or not finite, or ``steps`` is negative.
        TypeError: If ``steps`` is no integer or a coefficient no number.

    References:
        Bernstein and Newhouse, `Old Optimizer, New Norm: An Anthology
        <https://arxiv.org/abs/2409.20325>`_, 2024.
        Jordan et al., `Muon: An optimizer for hidden layers in neural networks
        <https://kellerjordan.github.io/posts/muon/>`_, 2024.
    """
    listed = len(coefficients) > 0 and isinstance(coefficients[0], Sequence)
    given: Any = coefficients if listed else (coefficients,)
    triples = tuple(map(tuple, given))
    for triple in triples:
        if len(triple) != 3:
            raise ValueError(f"`coefficients` must be three numbers, got {shown(triple)}.")
        for position, coefficient in enumerate(triple):
            check_finite(f"coefficients[{position}]", coefficient)
    steps = (len(triples) if listed else 5) if steps is None else steps
    check_integer("steps", steps, 0)
    numbers = [number for triple in triples for number in triple]
    named: Any = {f"number_{i}": number for i, number in enumerate(numbers)}
    return leafwise(_iterate, steps=steps, dtype=dtype, **named)


def _iterate(x, *, steps, dtype, **named):
    if x.ndim < 2:
        return x
    numbers = [named[f"number_{i}"] for i in range(len(named))]
    triples = list(zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True))
    triples = [triples[min(i, len(triples) - 1)] for i in range(steps)]
    stored = storage_dtype(x, dtype)
    return polynomial_steps(x, triples, lambda y: widen(y.astype(stored)))
