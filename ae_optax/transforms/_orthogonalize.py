"""The nearest orthogonal matrix, nearly or exactly."""

from typing import Any, Literal, NamedTuple, get_args

import jax.numpy as jnp
import optax

from ae_optax._checks import check_one_of
from ae_optax._leafwise import leafwise
from ae_optax._matrices._polar import CONVERGENT, MUON, Triple, polar
from ae_optax._matrices._products import adjoint, product, unit_scale
from ae_optax._transformation import transformation
from ae_optax.transforms._chain import chain
from ae_optax.transforms._divide_by_norm import divide_by_norm
from ae_optax.transforms._newton_schulz import newton_schulz

Method = Literal[
    "muon",
    "quintic",
    "polar_express",
    "polar_express_exact",
    "cans",
    "turbo",
    "convergent",
    "muon_then_convergent",
    "modula",
]


class Iteration(NamedTuple):
    """What is known as one method.

    Attributes:
        bound: Makes the first transformation: what keeps all singular values at one or below.
        coefficients: For each iteration; or of all.
        steps: How many, if the coefficients do not tell.
    """

    bound: Any
    coefficients: Triple | tuple[Triple, ...]
    steps: int | None = None


def _safe(triples, by):
    """Return the coefficients of an iteration that bears values up to ``by``, but for the last."""
    return (*((a / by, b / by**3, c / by**5) for a, b, c in triples[:-1]), triples[-1])


QUINTIC = (
    (4.0848, -6.8946, 2.9270),
    (3.9505, -6.3029, 2.6377),
    (3.7418, -5.5913, 2.3037),
    (2.8769, -3.1427, 1.2046),
    (2.8366, -3.0525, 1.2012),
)
POLAR_EXPRESS = (
    (8.156554524902461, -22.48329292557795, 15.878769915207462),
    (4.042929935166739, -2.808917465908714, 0.5000178451051316),
    (3.8916678022926607, -2.772484153217685, 0.5060648178503393),
    (3.285753657755655, -2.3681294933425376, 0.46449024233003106),
    (2.3465413258596377, -1.7097828382687081, 0.42323551169305323),
)
POLAR_EXPRESS_EXACT = (
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
    (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
    (1.891301407787398, -1.2679958271945868, 0.37680408948524835),
    (1.8750014808534479, -1.2500016453999487, 0.3750001645474248),
    (1.875, -1.25, 0.375),
)
CANS = (
    (8.4703, -25.1081, 18.6293),
    (4.1828, -3.1087, 0.5806),
    (3.9619, -2.9541, 0.5630),
    (3.2866, -2.4647, 0.5074),
    (2.2737, -1.6447, 0.4162),
)
TURBO = (
    (4.0098, -7.0585, 2.4635),
    (3.4585, -5.5479, 2.5959),
    (2.7573, -3.2939, 1.4254),
    (2.7215, -3.0494, 1.3169),
)


@transformation
def orthogonalize(
    method: Method = "muon", *, steps: int | None = None, dtype: Any = None
) -> optax.GradientTransformation:
    r"""Replace every matrix by one near :math:`U V^\top`, of its singular value decomposition.

    A division by a norm, then a :func:`newton_schulz` iteration. The methods differ in how many
    products they need and in how near to one the singular values come:

    - ``"muon"``: five equal steps, values between 0.7 and 1.2 from about 1e-3 of the norm on;
    - ``"quintic"``: five steps, nearer to one; Optax calls it ``dion``;
    - ``"polar_express"``: five steps, each the best polynomial for what the one before leaves;
    - ``"polar_express_exact"``: the same without a lower bound, eight steps, converging;
    - ``"cans"``: five steps by Chebyshev's alternation;
    - ``"turbo"``: four steps after rows are scaled by their products, tighter than a norm;
    - ``"convergent"``: twelve times (2, -1.5, 0.5), to one exactly, after the Schatten-4 norm;
    - ``"muon_then_convergent"``: eight of the first, then two of these;
    - ``"modula"``: (3, -3.2, 1.2), five times.

    Of a leaf with more than two axes every matrix of the last two is treated alike; a leaf with
    fewer is only divided by its norm, or 2 % or 1 % more for the two of ``"polar_express"``.

    Args:
        method: One of these words.
        steps: Number of iterations, at least 0, the last coefficients repeated; ``None``: as above.
        dtype: The dtype of the matrices between products, bfloat16 for instance; ``None`` for that
            of the leaf but at least float32.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    Raises:
        ValueError: If ``method`` is another word or ``steps`` negative.
        TypeError: If ``steps`` is no integer.

    References:
        Jordan et al., `Muon: An optimizer for hidden layers in neural networks
        <https://kellerjordan.github.io/posts/muon/>`_, 2024.
        Amsel, Persson, Musco and Gower, `The Polar Express: Optimal Matrix Sign Methods and Their
        Application to the Muon Algorithm <https://arxiv.org/abs/2505.16932>`_, 2025.
        Grishina, Smirnov and Rakhuba, `Accelerating Newton-Schulz Iteration for Orthogonalization
        via Chebyshev-type Polynomials <https://arxiv.org/abs/2506.10935>`_, 2025.
    """
    check_one_of("method", method, get_args(Method))
    bound, coefficients, usual = _METHODS[method]
    steps = usual if steps is None else steps
    return chain(bound(), newton_schulz(coefficients, steps=steps, dtype=dtype))


@transformation
def polar_factor() -> optax.GradientTransformation:
    r"""Replace every matrix by :math:`(G G^\top)^{-1/2} G`, the nearest orthogonal one.

    By one eigendecomposition of the shorter side, which on a CPU costs less than five iterations.
    What of a matrix is so small that rounding decides its direction is not brought up to length.

    Of a leaf with more than two axes every matrix of the last two is treated alike; a leaf with
    fewer is divided by its norm.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    References:
        Higham, Functions of Matrices, chapter 8, SIAM, 2008.
    """
    return leafwise(_polar_factor)


def _polar_factor(g):
    if not g.size:
        return g
    # A vector is a matrix of one row.
    x = g if g.ndim > 1 else g.reshape(1, -1)
    return polar(x).reshape(g.shape)


@transformation
def _divide_by_row_sums() -> optax.GradientTransformation:
    r"""Divide row i by the root of :math:`\sum_j |(X X^\top)_{ij}|`, a bound of singular values."""
    return leafwise(_scale_rows)


def _scale_rows(g):
    if not g.size:
        return g
    if g.ndim < 2:  # A vector is a matrix of one row.
        return _scale_rows(g.reshape(1, -1)).reshape(g.shape)
    if g.shape[-2] > g.shape[-1]:
        return adjoint(_scale_rows(adjoint(g)))
    x, _ = unit_scale(g)
    square = product(x, adjoint(x))
    sums = jnp.sum(jnp.abs(square), -1, keepdims=True)
    return x / jnp.sqrt(jnp.where(sums > 0, sums, jnp.ones_like(sums))).astype(x.dtype)


_METHODS = {
    "muon": Iteration(divide_by_norm, MUON),
    "quintic": Iteration(divide_by_norm, QUINTIC),
    "polar_express": Iteration(lambda: divide_by_norm(factor=1.02, eps=1e-6), POLAR_EXPRESS),
    "polar_express_exact": Iteration(
        lambda: divide_by_norm(factor=1.01), _safe(POLAR_EXPRESS_EXACT, 1.01)
    ),
    "cans": Iteration(divide_by_norm, CANS),
    "turbo": Iteration(_divide_by_row_sums, TURBO),
    "convergent": Iteration(lambda: divide_by_norm(kind="schatten_4", eps=1e-30), CONVERGENT, 12),
    "muon_then_convergent": Iteration(divide_by_norm, (MUON,) * 8 + (CONVERGENT,) * 2),
    "modula": Iteration(divide_by_norm, (3.0, -16 / 5, 6 / 5)),
}
