"""Multiplication with the inverse root of a statistic, along every axis."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_positive
from ae_optax._due import if_due
from ae_optax._matrices._products import multiply, unit_scale
from ae_optax._numbers import in_range, increment, unhidden
from ae_optax._piece import check_piece
from ae_optax._transformation import check_transformation, transformation
from ae_optax._types import Scalar
from ae_optax.transforms._elementwise import identity
from ae_optax.transforms._needs import needing
from ae_optax.transforms._parts import (
    Cut,
    identity_matrices,
    one_each,
    parts_of,
    single,
    started,
)
from ae_optax.transforms._refresh import Refresh, every
from ae_optax.transforms._root import Root, ridged_root
from ae_optax.transforms._stacks import by_size
from ae_optax.transforms._statistics import Seen, Statistic
from ae_optax.transforms._views import View


class PreconditionState(NamedTuple):
    """What :func:`precondition` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        statistics: What the statistic knows of every leaf, part by part and axis by axis, spread
            over trees like the parameters.
        roots: Inverse roots, of shape (B, d, d), likewise.
        inner: State of the inner transformation, which sees as many trees as leaves have parts.
    """

    count: jax.Array
    statistics: Any
    roots: Any
    inner: optax.OptState


@transformation
def precondition(
    statistic: Statistic,
    *,
    root: Root | None = None,
    power: Scalar | None = None,
    inner: optax.GradientTransformation | None = None,
    refresh: Refresh | None = None,
    view: View | None = None,
) -> optax.GradientTransformation:
    r"""Multiply with the inverse root of a statistic along every axis.

    Of a matrix :math:`G`, with the statistic's matrices :math:`L, R`,

    .. math::

        U = L^{-1/p}\, f(G)\, R^{-1/p}

    and alike for tensors. First the statistic learns :math:`G`, then, if it is time, the roots are
    taken, then they are used. Until the first time they are identities.

    Args:
        statistic: What is learned, ``gram(b2)`` for instance.
        root: How roots are taken; ``None``: :func:`ridged_root`.
        power: :math:`p`; ``None``: twice the number of axes that have a matrix, 4 for a matrix.
        inner: :math:`f`, what is made of the gradient before it is multiplied, ``average(b1)`` for
            instance; ``None``: nothing.
        refresh: When: :func:`every` so many steps, or :func:`rolling`; ``None``: ``every(10)``.
        view: Which axes of which blocks; ``None``: ``view()``, all of matrices and tensors.

    Returns:
        A transformation that computes in at least float32 and keeps structure, shapes and dtypes of
        its updates; it needs ``params`` if ``inner`` does.

    Raises:
        ValueError: If ``power`` is not positive; in ``update``, if a leaf has another shape than
            its parameter.
        TypeError: If ``inner`` is no gradient transformation, ``power`` no number, or another
            argument not what it is named for.

    References:
        Gupta, Koren and Singer, `Shampoo: Preconditioned Stochastic Tensor Optimization
        <https://arxiv.org/abs/1802.09568>`_, ICML 2018.
    """
    if power is not None:
        check_positive("power", power)
    inner = identity() if inner is None else inner
    check_transformation("inner", inner)
    inner = optax.with_extra_args_support(inner)
    root = ridged_root() if root is None else root
    refresh = every(10) if refresh is None else refresh
    seen_as = View() if view is None else view
    check_piece("statistic", statistic, Statistic)
    check_piece("root", root, Root)
    check_piece("refresh", refresh, Refresh)
    check_piece("view", seen_as, View)

    def init(params):
        return PreconditionState(
            count=jnp.zeros([], jnp.int32),
            statistics=started(params, seen_as, statistic.start),
            roots=started(params, seen_as, identity_matrices),
            inner=inner.init(parts_of(params, seen_as)),
        )

    def update(updates, state, params=None, **extra):
        count = increment(state.count)
        cut = Cut(updates, params, seen_as, state.roots, stacks=statistic.needs is None)
        if not cut.blocks:
            return updates, state._replace(count=count)
        rows = zip(
            cut.cells(state.statistics, statistic.places),
            cut.blocks,
            cut.records(statistic.needs, extra),
            strict=True,
        )
        known = [
            statistic.learn(kept, Seen(x, (None,) * (x.ndim - 1), x, count, layer))
            for kept, x, layer in rows
        ]
        matrices = [statistic.matrices(kept) for kept in known]
        cells = list(zip(matrices, cut.cells(state.roots, one_each), strict=True))
        taken = [roots for _, roots in _renewed(root, power, refresh.shares(count, cells), cells)]
        own = None if params is None else parts_of(params, seen_as)
        out, inner_state = inner.update(cut.spread(cut.blocks), state.inner, own, **extra)
        out = [
            _multiplied(y, r, x)
            for y, r, x in zip(cut.cells(out, single), taken, cut.blocks, strict=True)
        ]
        return cut.joined(out), PreconditionState(
            count,
            cut.stored(known, state.statistics),
            cut.stored(taken, state.roots),
            inner_state,
        )

    made = optax.GradientTransformationExtraArgs(init, update)
    return needing(statistic.needs, made)


def _multiplied(y, roots, gradient):
    """Multiply, over the largest entry: a root may be large, and no product shall be infinite."""
    own = tuple(range(1, y.ndim))
    y, unit = unit_scale(y, own)
    return unhidden(in_range(multiply(y, roots) * unit), gradient, own)


def _renewed(root, power, shares, cells):
    """Return the cells with new roots where it is time for them."""
    found = list(cells)
    for share in shares:
        known, old = ([cell[i] for cell in share.cells] for i in (0, 1))
        new = if_due(share.due, lambda old, known=known: _taken(root, power, known, old), old)
        share.put(found, list(zip(known, new, strict=True)))
    return found


def _taken(root, power, matrices, old):
    """Return new roots, those of one size and power taken side by side."""
    new = [list(roots) for roots in old]
    places: dict[int, list[tuple[int, int]]] = {}
    for i, roots in enumerate(old):
        own = [axis for axis, r in enumerate(roots) if r is not None]
        for axis in own:
            places.setdefault(2 * len(own) if power is None else 0, []).append((i, axis))
    for p, group in places.items():
        found = by_size(
            lambda a, r, p=p: root.take(a, p if power is None else power, r),
            [matrices[i][axis] for i, axis in group],
            [old[i][axis] for i, axis in group],
        )
        for (i, axis), r in zip(group, found, strict=True):
            new[i][axis] = r
    return [tuple(roots) for roots in new]
