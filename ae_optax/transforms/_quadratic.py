"""Rate, momentum and damping from the quadratic model of the loss, each a piece of its own."""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import (
    check_params_given,
    check_positive,
    check_positive_integer,
    check_rule,
)
from ae_optax._numbers import default_float, increment, whole, widen
from ae_optax._transformation import check_transformation, transformation
from ae_optax._trees import cast_like, find_state, is_none, map_updates, stepped, store, zeros_for
from ae_optax._types import Scalar
from ae_optax.transforms._needs import needing


class MinimizeQuadraticState(NamedTuple):
    """What :func:`minimize_quadratic` remembers between steps.

    Attributes:
        step: The last step. Structure and shapes of the parameters, in at least float32.
        rate: What the direction was multiplied with; shape (), default float dtype.
        momentum: What the step before was multiplied with, likewise.
        predicted: By how much the model expected the loss to change, likewise.
        inner: State of the direction.
    """

    step: optax.Updates
    rate: jax.Array
    momentum: jax.Array
    predicted: jax.Array
    inner: optax.OptState


class AdaptDampingState(NamedTuple):
    """What :func:`adapt_damping` remembers between steps.

    Attributes:
        count: Number of updates seen; shape (), int32.
        damping: In force; shape (), default float dtype.
        reduction: The change of the loss over that which the model predicted, when it was last
            looked at, likewise; 1 before.
        inner: State of what the damping makes.
    """

    count: jax.Array
    damping: jax.Array
    reduction: jax.Array
    inner: optax.OptState


@transformation
def minimize_quadratic(
    direction: optax.GradientTransformation, *, damping: Scalar
) -> optax.GradientTransformation:
    r"""Step as far along a direction, and along the last step, as the quadratic model says.

    Of a direction :math:`\Delta` and the step before :math:`\delta_0`,

    .. math::

        \delta = -\alpha\, \Delta + \mu\, \delta_0, \qquad
        (\alpha, \mu) = \arg\min\; \nabla^\top \delta
            + \tfrac12\, \delta^\top (F + \lambda I)\, \delta

    with the Gauss-Newton matrix :math:`F` of the loss of this batch, exactly: a system of two
    equations. It takes the place of learning rate and momentum; what comes out is the step itself.
    The products with :math:`F` cost two forward passes; it reads ``curvature``, which the trainer
    gives it.

    Args:
        direction: What gives :math:`\Delta`, along which the loss rises; a preconditioned gradient.
        damping: :math:`\lambda > 0`, in units of the curvature.

    Returns:
        A transformation that computes in at least float32, keeps structure, shapes and dtypes of
        its updates and needs ``params``.

    Raises:
        ValueError: If ``damping`` is not positive; in ``update``, if ``params`` or ``curvature`` is
            missing.
        TypeError: If ``damping`` is not a number or ``direction`` no gradient transformation.

    References:
        Martens and Grosse, `Optimizing Neural Networks with Kronecker-factored Approximate
        Curvature <https://arxiv.org/abs/1503.05671>`_, sections 6.4 and 7, ICML 2015.
    """
    check_transformation("direction", direction)
    check_positive("damping", damping)
    inner = optax.with_extra_args_support(direction)

    def init(params):
        return MinimizeQuadraticState(
            step=zeros_for(params, None),
            rate=default_float(0.0),
            momentum=default_float(0.0),
            predicted=default_float(0.0),
            inner=inner.init(params),
        )

    def update(updates, state, params=None, **extra):
        check_params_given(params)
        wide = map_updates(widen, updates)
        along, inner_state = inner.update(wide, state.inner, params, **extra)
        basis = [map_updates(jnp.negative, along), _there(state.step, updates)]
        known = [_filled(v, params) for v in basis]
        slopes = jnp.stack([_dot(wide, v) for v in basis])
        squares = jnp.stack([jnp.stack([_dot(u, v) for v in basis]) for u in basis])
        model = extra["curvature"](known).astype(slopes.dtype) + damping * squares
        rate, momentum = _solution(model, slopes)
        step = map_updates(
            lambda u, v: rate.astype(u.dtype) * u + momentum.astype(u.dtype) * v, *basis
        )
        found = jnp.stack([rate, momentum])
        predicted = slopes @ found + found @ model @ found / 2
        return cast_like(step, updates), MinimizeQuadraticState(
            store(step, state.step),
            default_float(rate),
            default_float(momentum),
            default_float(predicted),
            inner_state,
        )

    return needing("curvature", optax.GradientTransformationExtraArgs(init, update))


@transformation
def adapt_damping(
    make: Callable[[Scalar], optax.GradientTransformation],
    *,
    initial_damping: Scalar,
    factor: Scalar = 0.95,
    every: int = 5,
    minimum: Scalar = 1e-6,
) -> optax.GradientTransformation:
    r"""Follow the damping at which the quadratic model of the loss is neither bold nor timid.

    Every :math:`k` steps the loss of the batch is taken again where the step :math:`\delta` leads,

    .. math::

        \rho = \frac{L(\theta + \delta) - L(\theta)}{m(\delta)}, \qquad
        \lambda \leftarrow \begin{cases}
            \max(\omega^k \lambda, \lambda_{\min}) & \rho > \tfrac34 \\
            \omega^{-k} \lambda & \rho < \tfrac14
        \end{cases}

    where :math:`m` is what :func:`minimize_quadratic` predicted, of which ``make`` must hold one.
    It reads ``loss_at``, which the trainer gives it, and ``value``.

    Args:
        make: ``make(damping)``: the transformation, given the damping in force.
        initial_damping: :math:`\lambda_0 > 0`.
        factor: :math:`\omega`, in (0, 1).
        every: :math:`k \ge 1`, the steps between two looks.
        minimum: :math:`\lambda_{\min} > 0`.

    Returns:
        A transformation that keeps structure, shapes and dtypes of its updates and needs
        ``params``.

    Raises:
        ValueError: If a number is outside its range; in ``update``, if ``params``, ``value`` or
            ``loss_at`` is missing.
        TypeError: If a number is none.

    References:
        Martens and Grosse, `Optimizing Neural Networks with Kronecker-factored Approximate
        Curvature <https://arxiv.org/abs/1503.05671>`_, section 6.5, ICML 2015.
    """
    check_positive("initial_damping", initial_damping)
    check_positive("minimum", minimum)
    check_rule("factor", factor, "lie in (0, 1)", lambda v: 0 < v < 1)
    check_positive_integer("every", every)

    def init(params):
        return AdaptDampingState(
            count=jnp.zeros([], jnp.int32),
            damping=default_float(initial_damping),
            reduction=default_float(1.0),
            inner=make(initial_damping).init(params),
        )

    def update(updates, state, params=None, **extra):
        check_params_given(params)
        if extra.get("value") is None:
            raise ValueError(
                "`value` must be given to `update`: the loss of the batch, at `params`."
            )
        inner = optax.with_extra_args_support(make(state.damping))
        out, inner_state = inner.update(updates, state.inner, params, **extra)
        count = increment(state.count)
        predicted = find_state(inner_state, MinimizeQuadraticState).predicted

        def looked_at():
            reached = cast_like(stepped(_filled(out, params), params), params)
            change = default_float(extra["loss_at"](reached)) - default_float(extra["value"])
            # Where nothing is known of either, this is no number, and the damping stays.
            reduction = jnp.where(predicted >= 0, 1.0, change / predicted)
            faster = default_float(factor) ** every
            lower = jnp.maximum(faster * state.damping, default_float(minimum))
            bold = jnp.where(reduction < 0.25, state.damping / faster, state.damping)
            return jnp.where(reduction > 0.75, lower, bold), reduction

        damping, reduction = jax.lax.cond(
            count % whole(every) == 0, looked_at, lambda: (state.damping, state.reduction)
        )
        return out, AdaptDampingState(count, damping, reduction, inner_state)

    return needing("loss_at", optax.GradientTransformationExtraArgs(init, update))


def _solution(model, slopes):
    """Return what minimises the model of two directions; of the first alone if they are one."""
    (a, b), (_, d) = model
    determinant = a * d - b * b
    both = determinant > 1e-6 * a * d
    safe = jnp.where(both, determinant, 1)
    rate = jnp.where(both, (b * slopes[1] - d * slopes[0]) / safe, -slopes[0] / _nonzero(a))
    momentum = jnp.where(both, (b * slopes[0] - a * slopes[1]) / safe, 0)
    return rate, momentum


def _dot(u, v):
    products = map_updates(lambda x, y: default_float(jnp.vdot(x, y)), u, v)
    return sum(jax.tree.leaves(products), start=default_float(0.0))


def _there(tree, updates):
    """Return a tree, ``None`` where a gradient is missing."""
    return jax.tree.map(lambda g, x: None if g is None else x, updates, tree, is_leaf=is_none)


def _filled(tree, params):
    """Return a tree in the dtypes of the parameters, zero where something is missing."""
    return jax.tree.map(
        lambda x, p: jnp.zeros_like(p) if x is None else x.astype(jnp.result_type(p)),
        tree,
        params,
        is_leaf=is_none,
    )


def _nonzero(x):
    return jnp.where(x == 0, jnp.ones_like(x), x)
