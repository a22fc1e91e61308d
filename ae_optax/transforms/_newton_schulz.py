"""The Newton-Schulz iteration: towards the nearest orthogonal matrix by products alone."""

from typing import Any

import jax.numpy as jnp
import optax

from ae_optax._checks import check_finite
from ae_optax._leafwise import leafwise
from ae_optax._numbers import storage_dtype, widen
from ae_optax._transformation import transformation
from ae_optax._types import Scalar


@transformation
def newton_schulz(
    coefficients: tuple[Scalar, Scalar, Scalar] = (3.4445, -4.7750, 2.0315),
    *,
    steps: int = 5,
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
    (15/8, -10/8, 3/8) converge. Put the division by a norm before it: no
    singular value may exceed one. With that it is what Muon makes of a momentum.

    Of a leaf with more than two axes every matrix of the last two is treated alike; a leaf with
    fewer is left as it is.

    Args:
        coefficients: :math:`(a, b, c)`.
        steps: Number of iterations, at least 0.
        dtype: The dtype of the matrices between products, ``None`` for that of the leaf but at
            least float32. Products are summed in at least float32 whatever it is.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    Raises:
        ValueError: If ``coefficients`` are not three or not finite, or ``steps`` is negative.
        TypeError: If ``steps`` is no integer or a coefficient no number.

    References:
        Bernstein and Newhouse, `Old Optimizer, New Norm: An Anthology
        <https://arxiv.org/abs/2409.20325>`_, 2024.
        Jordan et al., `Muon: An optimizer for hidden layers in neural networks
        <https://kellerjordan.github.io/posts/muon/>`_, 2024.
    """
    if len(coefficients) != 3:
        raise ValueError(f"`coefficients` must be three numbers, got {coefficients!r}.")
    for position, coefficient in enumerate(coefficients):
        check_finite(f"coefficients[{position}]", coefficient)
    if isinstance(steps, bool) or not isinstance(steps, int):
        raise TypeError(f"`steps` must be an integer, got {steps!r}.")
    if steps < 0:
        raise ValueError(f"`steps` must be at least 0, got {steps!r}.")

    a, b, c = coefficients
    return leafwise(_orthogonalize, a=a, b=b, c=c, steps=steps, dtype=dtype)


def _orthogonalize(x, *, dtype, **iteration):
    if x.ndim < 2:
        return x
    stored = storage_dtype(x, dtype)
    if x.shape[-2] <= x.shape[-1]:
        return _iterate(x, stored=stored, **iteration)
    return jnp.matrix_transpose(_iterate(jnp.matrix_transpose(x), stored=stored, **iteration))


def _iterate(x, *, a, b, c, steps, stored):
    def rounded(y):
        return widen(y.astype(stored))

    x = rounded(x)
    for _ in range(steps):
        gram = rounded(x @ jnp.conj(jnp.matrix_transpose(x)))
        change = rounded(b * gram + c * (gram @ gram))
        x = rounded(a * x + change @ x)
    return x
