"""Grafting: one gradient, two branches; the direction of one, the length of the other."""

from typing import NamedTuple

import jax.numpy as jnp
import optax

from ae_optax._checks import check_positive
from ae_optax._matrices._products import unit_scale
from ae_optax._numbers import in_range, root, scalar, unhidden, widen
from ae_optax._piece import check_piece
from ae_optax._transformation import check_transformation, transformation
from ae_optax._trees import cast_like, map_updates
from ae_optax._types import Scalar
from ae_optax.transforms._views import View


class GraftState(NamedTuple):
    """What :func:`graft` remembers between steps.

    Attributes:
        direction: State of the branch that gives the direction.
        magnitude: State of the branch that gives the length.
    """

    direction: optax.OptState
    magnitude: optax.OptState


@transformation
def graft(
    *,
    direction: optax.GradientTransformation,
    magnitude: optax.GradientTransformation,
    eps: Scalar = 1e-25,
    view: View | None = None,
) -> optax.GradientTransformation:
    r"""Go in the direction of one transformation, as far as another would.

    The same gradient goes through both, and of each leaf, with Euclidean norms,

    .. math::

        u = d(g)\, \frac{\lVert a(g) \rVert}{\lVert d(g) \rVert + \epsilon}

    so that rates found for :math:`a` serve :math:`d`. Both branches compute in at least float32.

    Args:
        direction: :math:`d`.
        magnitude: :math:`a`; :func:`identity` keeps the length of what comes in.
        eps: :math:`\epsilon > 0`, in units of what :math:`d` gives out.
        view: Lengths are taken of the blocks of this view; ``None``: of whole leaves.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates; it needs
        ``params`` if a branch does.

    Raises:
        ValueError: If ``eps`` is not positive.
        TypeError: If it is not a number, a branch no gradient transformation, or ``view`` none.

    References:
        Agarwal, Anil, Hazan, Koren and Zhang, `Learning Rate Grafting: Transferability of Optimizer
        Tuning <https://openreview.net/forum?id=FpKgG31Z_i9>`_, 2021.
    """
    check_transformation("direction", direction)
    check_transformation("magnitude", magnitude)
    check_positive("eps", eps)
    if view is not None:
        check_piece("view", view, View)
    along, far = map(optax.with_extra_args_support, (direction, magnitude))

    def grafted(g, d, a):
        return unhidden(by_view(widen(d), widen(a)), g)

    def by_view(d, a):
        if view is None:
            return _grafted(d, a, tuple(range(d.ndim)), eps)
        blocks = view.of(d.shape).blocks
        pairs = zip(blocks.split(d), blocks.split(a), strict=True)
        return blocks.join([_grafted(x, y, tuple(range(1, x.ndim)), eps) for x, y in pairs])

    def init(params):
        return GraftState(along.init(params), far.init(params))

    def update(updates, state, params=None, **extra):
        wide = map_updates(widen, updates)
        way, direction_state = along.update(wide, state.direction, params, **extra)
        length, magnitude_state = far.update(wide, state.magnitude, params, **extra)
        out = map_updates(grafted, updates, way, length)
        return cast_like(out, updates), GraftState(direction_state, magnitude_state)

    return optax.GradientTransformationExtraArgs(init, update)


def _grafted(d, a, axes, eps):
    d, unit = unit_scale(d, axes)
    a, length = unit_scale(a, axes)
    ratio = _norm(a, axes) / (_norm(d, axes) + scalar(eps, unit) / unit)
    # The ratio first: what is zero stays so, however long the other is.
    return in_range(d * ratio.astype(d.dtype) * length.astype(d.dtype))


def _norm(x, axes):
    return root(jnp.sum(jnp.square(jnp.abs(x)), axes, keepdims=True))
