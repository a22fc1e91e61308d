"""Preconditioning with factors that are fitted, not inverted."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_positive, check_rule, rate_at
from ae_optax._due import if_due
from ae_optax._matrices import _triangular as triangular
from ae_optax._matrices._products import unit_scale
from ae_optax._numbers import increment, root, scalar, unhidden, widen
from ae_optax._piece import check_piece
from ae_optax._transformation import check_transformation, transformation
from ae_optax._trees import cast_like, map_updates
from ae_optax._types import Scalar
from ae_optax.transforms._draws import Draws, random_draws
from ae_optax.transforms._elementwise import identity
from ae_optax.transforms._parts import Cut, check_all_real, identity_matrices, one_each, started
from ae_optax.transforms._views import View

BALANCED = 0.01  # How often, of the times that factors are fitted.


class FittedPreconditionState(NamedTuple):
    """What :func:`fitted_precondition` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        waited: Number of updates since factors were fitted; shape (), int32.
        factors: Triangular factors, of shape (B, d, d), part by part and axis by axis, spread over
            trees like the parameters.
        diagonals: Diagonal factors, of shape (B, d), likewise, of the axes that have no matrix.
        inner: State of the inner transformation.
    """

    count: jax.Array
    waited: jax.Array
    factors: Any
    diagonals: Any
    inner: optax.OptState


@transformation
def fitted_precondition(
    rate: Scalar = 0.1,
    *,
    inner: optax.GradientTransformation | None = None,
    noise: Scalar = 2.0**-11.5,
    max_rms: Scalar = 1.1,
    initial_scale: Scalar = 1.0,
    frequency: float | Callable[[jax.Array], jax.Array] | None = None,
    draws: Draws | None = None,
    view: View | None = None,
) -> optax.GradientTransformation:
    r"""Whiten along every axis with triangular factors that are fitted step by step.

    Of a matrix :math:`G`, with upper triangular :math:`Q_L, Q_R`, multiples of the identity at
    first, and independent normal numbers :math:`V`,

    .. math::

        A &= Q_L \left(G + \delta\, \overline{|G|}\; V\right) Q_R^\top, \qquad
        B = Q_L^{-\top}\, V\, Q_R^{-1} \\
        Q_L &\leftarrow Q_L - \frac{\mu}{b}\, \mathrm{triu}(A A^\top - B B^\top)\, Q_L, \qquad
            b \approx \lVert A A^\top + B B^\top \rVert_2 \\
        U &= Q_L^\top Q_L\, G\, Q_R^\top Q_R, \qquad
            u = \frac{U}{\max(1, \mathrm{RMS}(U) / d)}

    where :math:`G = f(g)`, and alike for :math:`Q_R` and for tensors; an axis without a matrix, as
    the one of a vector, has a diagonal factor. Nothing is inverted but triangles, and nothing is
    decomposed. One time in a hundred that they are fitted the largest entries of the factors are
    made equal.

    Args:
        rate: :math:`\mu > 0`, the length of a step of the factors, of their own size.
        inner: :math:`f`, what is made of the gradient before, ``average(b1)`` for instance;
            ``None``: nothing.
        noise: :math:`\delta > 0`, a share of the mean size of the gradient, which keeps what is
            always zero from growing.
        max_rms: :math:`d > 0`, for while the factors are not yet right.
        initial_scale: Positive: what the product of the factors is at first.
        frequency: On what share of updates factors are fitted, in (0, 1], or a function of the
            update's number, from 1; ``None``: all of 500, then ever fewer, down to 3 in a hundred.
        draws: Where chance comes from; ``None``: ``random_draws()``.
        view: Which axes of which blocks have a matrix; ``None``: ``view(longest=8192)``.

    Returns:
        A transformation that computes in at least float32 and keeps structure, shapes and dtypes of
        its updates; it needs ``params`` if ``inner`` does.

    Raises:
        ValueError: If a number is not positive or ``frequency`` outside (0, 1]; in ``update``, if a
            leaf has another shape than its parameter.
        TypeError: If a number is none, ``inner`` no gradient transformation or ``view`` no view; in
            ``update``, if a leaf is complex.

    References:
        Li, `Preconditioned Stochastic Gradient Descent <https://arxiv.org/abs/1512.04202>`_, 2015.
        Pooladzandi and Li, `Curvature-Informed SGD via General Purpose Lie-Group Preconditioners
        <https://arxiv.org/abs/2402.04553>`_, 2024.
    """
    check_positive("rate", rate)
    check_positive("noise", noise)
    check_positive("max_rms", max_rms)
    check_positive("initial_scale", initial_scale)
    inner = identity() if inner is None else inner
    check_transformation("inner", inner)
    inner = optax.with_extra_args_support(inner)
    if frequency is None:
        frequency = _ever_fewer
    elif not callable(frequency):
        check_rule("frequency", frequency, "lie in (0, 1]", lambda v: 0 < v <= 1)
    draws = random_draws() if draws is None else draws
    seen_as = View(longest=8192) if view is None else view
    check_piece("view", seen_as, View)

    def init(params):
        def factors(block, covered):
            share = _share(block, initial_scale)
            return jax.tree.map(lambda q: share * q, identity_matrices(block, covered))

        def diagonals(block, covered):
            share, block = _share(block, initial_scale), _with_axis(block)
            ones = [jnp.sum(jnp.zeros_like(block), _others(block, i)) + share for i in _axes(block)]
            return [q for q, on in zip(ones, covered or [False], strict=True) if not on]

        return FittedPreconditionState(
            jnp.zeros([], jnp.int32),
            jnp.zeros([], jnp.int32),
            started(params, seen_as, factors),
            started(params, seen_as, diagonals),
            inner.init(params),
        )

    def update(updates, state, params=None, **extra):
        check_all_real("updates", updates)
        count, waited = increment(state.count), increment(state.waited)
        wide = map_updates(widen, updates)
        means, inner_state = inner.update(wide, state.inner, params, **extra)
        cut = Cut(means, params, seen_as, state.factors)
        if not cut.blocks:
            return updates, state._replace(count=count, waited=waited, inner=inner_state)
        blocks = [_with_axis(x) for x in cut.blocks]
        old = [
            _merged(full, diagonal)
            for full, diagonal in zip(
                cut.cells(state.factors, one_each), cut.cells(state.diagonals, _places), strict=True
            )
        ]

        def fit(factors):
            balance = draws.uniform(count) < BALANCED
            return [
                _fitted(q, x, draws.normal(count, x.shape, x.dtype), balance) if x.size else q
                for q, x in zip(factors, blocks, strict=True)
            ]

        def _fitted(factors, x, v, balance):
            equal = triangular.balanced(factors)
            factors = [jnp.where(balance, e, q) for e, q in zip(equal, factors, strict=True)]
            size = jnp.mean(jnp.abs(x), tuple(range(1, x.ndim)), keepdims=True)
            noisy = x + scalar(noise, x) * size * v
            new = triangular.fitted(factors, noisy, v, rate=rate)
            good = jnp.all(jnp.isfinite(x))
            return [jnp.where(good, n, q) for n, q in zip(new, factors, strict=True)]

        share = rate_at(frequency, count, name="frequency")
        # Less than one by rounding: 1 / 61, sixty-one times.
        due = waited.astype(jnp.float32) * jnp.asarray(share, jnp.float32) >= 1 - 1e-6
        factors = if_due(due, fit, old)
        out = [
            unhidden(_preconditioned(q, x, max_rms), x)
            for q, x in zip(factors, blocks, strict=True)
        ]
        out = [u.reshape(x.shape) for u, x in zip(out, cut.blocks, strict=True)]
        full = [[q for q in own if q.ndim == 3] for own in factors]
        diagonal = [[q for q in own if q.ndim == 2] for own in factors]
        return cast_like(cut.joined(out), updates), FittedPreconditionState(
            count,
            jnp.where(due, 0, waited),
            cut.stored(full, state.factors),
            cut.stored(diagonal, state.diagonals),
            inner_state,
        )

    return optax.GradientTransformationExtraArgs(init, update)


def _preconditioned(factors, x, max_rms):
    if not x.size:
        return x
    axes = tuple(range(1, x.ndim))
    # Over the largest number, so that none on the way is too large.
    x, unit = unit_scale(x, axes)
    u = triangular.preconditioned(factors, x)
    rms = root(jnp.mean(jnp.square(u), axes, keepdims=True))
    bound = scalar(max_rms, rms) / jnp.where(rms > 0, rms, jnp.ones_like(rms))
    return u * jnp.minimum(unit, bound)


def _ever_fewer(count):
    return jnp.clip(jnp.exp(-0.001 * (count.astype(jnp.float32) - 500)), 0.03, 1.0)


def _with_axis(block):
    """Return the block, scalars as vectors of one."""
    return block if block.ndim > 1 else block[:, None]


def _axes(block):
    return range(max(block.ndim - 1, 1))


def _others(block, axis):
    return tuple(i for i in range(1, block.ndim) if i != axis + 1)


def _share(block, initial_scale):
    """Return what each of the factors starts with."""
    return jnp.asarray(initial_scale).astype(block.dtype) ** (1 / len(_axes(block)))


def _places(covered):
    """Return a nest with one place for each axis without a matrix; a scalar has one."""
    return [0 for on in covered or [False] if not on]


def _merged(full, diagonal):
    rest = iter(diagonal)
    return [next(rest) if q is None else q for q in full or (None,)]
