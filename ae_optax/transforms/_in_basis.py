"""Conjugation: turn into a basis, do there what is to be done, turn back."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._due import after, if_due, in_place
from ae_optax._matrices._products import into_basis, multiply
from ae_optax._numbers import increment
from ae_optax._piece import check_piece
from ae_optax._transformation import check_transformation, transformation
from ae_optax.transforms._basis import Basis, sorted_iteration
from ae_optax.transforms._carried import (
    Change,
    carried,
    moments_of,
    moved,
    with_carried,
    with_moments,
)
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
from ae_optax.transforms._stacks import by_size
from ae_optax.transforms._statistics import Seen, Statistic
from ae_optax.transforms._views import View


class InBasisState(NamedTuple):
    """What :func:`in_basis` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        statistics: What the statistic knows of every leaf, part by part and axis by axis, spread
            over trees like the parameters.
        bases: Orthogonal matrices of shape (B, d, d), likewise.
        inner: State of the inner transformation, which sees as many trees as leaves have parts.
    """

    count: jax.Array
    statistics: Any
    bases: Any
    inner: optax.OptState


@transformation
def in_basis(
    statistic: Statistic,
    *,
    inner: optax.GradientTransformation,
    basis: Basis | None = None,
    refresh: Refresh | None = None,
    view: View | None = None,
) -> optax.GradientTransformation:
    r"""Let a transformation work in the basis in which a statistic is diagonal.

    Of a matrix :math:`G`, with orthogonal :math:`Q_L, Q_R`,

    .. math::

        U = Q_L\; f(Q_L^\top G\, Q_R)\; Q_R^\top

    and alike for tensors. The state of :math:`f` lives in the basis. Only after the update is done
    the statistic learns :math:`G` and, if it is time, the bases follow it: the basis of an update
    knows the gradients before, not the one it is applied to. A statistic of layers, whose bases are
    those of a curvature, learns first. What of the state is :func:`turned`, :func:`permuted` or
    :func:`transported` is carried over. The first basis is the identity.

    With the eigenvectors of Shampoo's matrices and Adam for :math:`f` this is SOAP.

    Args:
        statistic: What is learned, ``gram(b2)`` for instance.
        inner: :math:`f`. It sees every leaf as stacked blocks (see :func:`view`), most leaves as
            a stack of one, which what is elementwise does not notice. As extra arguments
            it gets what the statistic knows of variances or eigenvalues, if it does.
        basis: How bases are found; ``None``: :func:`sorted_iteration`.
        refresh: When: :func:`every` so many steps, or :func:`rolling`; ``None``: ``every(10)``.
        view: Which axes of which blocks; ``None``: ``view()``, all of matrices and tensors.

    Returns:
        A transformation that computes in at least float32 and keeps structure, shapes and dtypes of
        its updates; it needs ``params`` if ``inner`` does.

    Raises:
        ValueError: In ``update``, if a leaf has another shape than its parameter.
        TypeError: If ``inner`` is no gradient transformation, or another argument not what it is
            named for.

    References:
        Vyas et al., `SOAP: Improving and Stabilizing Shampoo using Adam
        <https://arxiv.org/abs/2409.11321>`_, ICLR 2025.
    """
    check_transformation("inner", inner)
    inner = optax.with_extra_args_support(inner)
    basis = sorted_iteration() if basis is None else basis
    refresh = every(10) if refresh is None else refresh
    seen_as = View() if view is None else view
    check_piece("statistic", statistic, Statistic)
    check_piece("basis", basis, Basis)
    check_piece("refresh", refresh, Refresh)
    check_piece("view", seen_as, View)

    def init(params):
        return InBasisState(
            count=jnp.zeros([], jnp.int32),
            statistics=started(params, seen_as, statistic.start),
            bases=started(params, seen_as, identity_matrices),
            inner=inner.init(parts_of(params, seen_as)),
        )

    def update(updates, state, params=None, **extra):
        count = increment(state.count)
        cut = Cut(updates, params, seen_as, state.bases, stacks=statistic.needs is None)
        if not cut.blocks:
            return updates, state._replace(count=count)
        known = cut.cells(state.statistics, statistic.places)
        bases, inner_state = cut.cells(state.bases, one_each), state.inner
        records = cut.records(statistic.needs, extra)

        def seen(bases):
            rows = zip(cut.blocks, bases, records, strict=True)
            return [Seen(x, q, into_basis(x, q), count, layer) for x, q, layer in rows]

        def learned(known, now, bases, inner_state, before=()):
            known = [statistic.learn(kept, each) for kept, each in zip(known, now, strict=True)]
            matrices = [statistic.matrices(kept) for kept in known]
            shares = functools.partial(refresh.shares, count)
            return known, *_followed(basis, shares, before, cut, matrices, bases, inner_state)

        now = seen(bases)
        if statistic.learns_first:
            known, bases, inner_state = learned(known, now, bases, inner_state)
            now = seen(bases)
        told = [statistic.tell(kept, each) for kept, each in zip(known, now, strict=True)]
        extra |= {name: cut.spread([each[name] for each in told]) for name in told[0]}
        own = None
        if params is not None:
            own = _coordinates(params, seen_as, cut.stored(bases, state.bases))
        rotated = cut.spread([each.rotated for each in now])
        out, inner_state = inner.update(rotated, inner_state, own, **extra)
        back = [multiply(y, q) for y, q in zip(cut.cells(out, single), bases, strict=True)]
        if not statistic.learns_first:
            inner_state = in_place(inner_state, state.inner, back)
            known, bases, inner_state = learned(known, now, bases, inner_state, back)
        return cut.joined(back), InBasisState(
            count,
            cut.stored(known, state.statistics),
            cut.stored(bases, state.bases),
            inner_state,
        )

    made = optax.GradientTransformationExtraArgs(init, update)
    return needing(statistic.needs, made)


def _coordinates(params, seen_as, bases):
    """Return the parts of the parameters in the bases."""
    cut = Cut(params, None, seen_as, bases)
    pairs = zip(cut.blocks, cut.cells(bases, one_each), strict=True)
    return cut.spread([into_basis(x, q) for x, q in pairs])


def _followed(basis, shares, before, cut, matrices, bases, inner_state):
    """Return the bases that follow the matrices if it is time, and what turns with them.

    ``before`` is computed from the old ones, and done before they are given up.
    """
    parts = carried(inner_state)
    rules, moments = moments_of(parts, cut)
    found = list(zip(matrices, bases, moments, strict=True))
    for share in shares(list(found)):
        known, *rest = map(list, zip(*share.cells, strict=True))
        renew = functools.partial(_renewed, basis, share, known, rules)
        new = if_due(after(share.due, before), renew, rest)
        share.put(found, list(zip(known, *new, strict=True)))
    _, bases, moments = map(list, zip(*found, strict=True))
    return bases, with_carried(inner_state, with_moments(parts, moments, cut))


def _renewed(basis, share, matrices, rules, old):
    """Return new bases, and moments in them, of those whose time it is."""
    first = functools.partial(_turned, _first(basis), matrices, rules)
    if not basis.follows:
        return first(old)
    later = functools.partial(_turned, basis.next, matrices, rules)
    return if_due(share.later, later, if_due(share.first, first, old))


def _turned(find, matrices, rules, old):
    """Return new bases of cells, and their moments in them."""
    bases, moments = old
    new, orders = _found(find, matrices, bases)
    changes = [Change(*each) for each in zip(bases, new, orders, strict=True)]
    pairs = zip(changes, moments, strict=True)
    return [new, [moved(rules, change, kept) for change, kept in pairs]]


def _first(basis):
    return lambda matrices, _: (basis.first(matrices), None)


def _found(find, matrices, bases):
    """Return new bases and orders, those of one size found side by side."""
    places = [(i, axis) for i, q in enumerate(bases) for axis, on in enumerate(q) if on is not None]
    found = by_size(
        find,
        [matrices[i][axis] for i, axis in places],
        [bases[i][axis] for i, axis in places],
    )
    new, orders = [list(q) for q in bases], [[None] * len(q) for q in bases]
    for (i, axis), (q, order) in zip(places, found, strict=True):
        new[i][axis], orders[i][axis] = q, order
    return [tuple(q) for q in new], orders
