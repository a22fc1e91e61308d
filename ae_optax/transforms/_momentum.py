"""Momentum: the velocity, its Nesterov form, and the point Nesterov looks ahead to."""

from typing import Any, NamedTuple

import optax

from ae_optax._checks import check_in_unit_interval
from ae_optax._leafwise import leafwise, map_rule, zeros
from ae_optax._transformation import transformation
from ae_optax._trees import find_state
from ae_optax._types import Scalar, StorageDType


class MomentumState(NamedTuple):
    """What :func:`scale_by_momentum` and :func:`scale_by_nesterov` remember between steps.

    Attributes:
        trace: The velocity. Structure and shapes of the parameters; units of what comes in.
    """

    trace: optax.Updates


@transformation
def scale_by_momentum(
    momentum: Scalar = 0.9, *, dtype: StorageDType = "params"
) -> optax.GradientTransformation:
    r"""Replace every update by a velocity that gathers the past.

    Elementwise on each leaf :math:`g_t`, from :math:`v_0 = 0`,

    .. math::

        v_t = \mu\, v_{t-1} + g_t

    and :math:`u_t = v_t`. The past is summed, not averaged: along a constant gradient the
    velocity grows to :math:`g / (1 - \mu)`. Put the learning rate after it for the rate outside
    the velocity (PyTorch), before it for the rate inside (Keras): the two differ as soon as the
    rate changes.

    Optax: ``trace``.

    Args:
        momentum: :math:`\mu \in [0, 1)`; 0 remembers nothing.
        dtype: How :math:`v` is stored: a dtype, ``"params"`` for each parameter's own, or
            ``None`` for that but at least float32.

    Returns:
        A transformation that computes in at least float32, keeps structure, shapes and dtypes of
        its updates and ignores ``params``.

    Raises:
        ValueError: If ``momentum`` is outside [0, 1).
        TypeError: If ``momentum`` is not a number.

    References:
        Polyak, `Some methods of speeding up the convergence of iteration methods
        <https://doi.org/10.1016/0041-5553(64)90137-5>`_, USSR Computational Mathematics and
        Mathematical Physics 4(5), 1964.
    """
    check_in_unit_interval("momentum", momentum)
    return leafwise(_momentum, MomentumState, zeros(dtype), momentum=momentum)


@transformation
def scale_by_nesterov(
    momentum: Scalar = 0.9, *, dtype: StorageDType = "params"
) -> optax.GradientTransformation:
    r"""Replace every update by the velocity one step ahead.

    Elementwise on each leaf :math:`g_t`, from :math:`v_0 = 0`,

    .. math::

        v_t &= \mu\, v_{t-1} + g_t \\
        u_t &= g_t + \mu\, v_t

    This is Nesterov's method rewritten for the point :math:`\theta - \mu v` at which it takes
    its gradient (see :func:`nesterov_point`), so that an ordinary gradient at the current
    parameters is all it needs. The rewriting is exact when the learning rate comes *before*,
    inside the velocity.

    Optax: ``trace(nesterov=True)``.

    Args:
        momentum: :math:`\mu \in [0, 1)`; 0 remembers nothing.
        dtype: How :math:`v` is stored: a dtype, ``"params"`` for each parameter's own, or
            ``None`` for that but at least float32.

    Returns:
        A transformation that computes in at least float32, keeps structure, shapes and dtypes of
        its updates and ignores ``params``.

    Raises:
        ValueError: If ``momentum`` is outside [0, 1).
        TypeError: If ``momentum`` is not a number.

    References:
        Sutskever, Martens, Dahl and Hinton, `On the importance of initialization and momentum in
        deep learning <https://proceedings.mlr.press/v28/sutskever13.html>`_, ICML 2013.
    """
    check_in_unit_interval("momentum", momentum)
    return leafwise(_nesterov, MomentumState, zeros(dtype), momentum=momentum)


def nesterov_point(params: optax.Params, state: Any, *, momentum: Scalar = 0.9) -> optax.Params:
    r"""Return the point at which Nesterov's method, as it was first written, takes its gradient.

    The look-ahead form

    .. math::

        v_t &= \mu\, v_{t-1} + \eta\, \nabla L(\theta_{t-1} - \mu\, v_{t-1}) \\
        \theta_t &= \theta_{t-1} - v_t

    is ``classical_momentum`` fed with the gradient at :math:`\theta - \mu v`, which this function
    computes from the parameters and the optimizer's state.

    Args:
        params: :math:`\theta`.
        state: State of ``classical_momentum``, or any state that holds one
            :class:`MomentumState` behind a learning rate.
        momentum: :math:`\mu \in [0, 1)`, the decay of that momentum.

    Returns:
        A tree like ``params``.

    Raises:
        ValueError: If ``momentum`` is outside [0, 1), or ``state`` holds no momentum or several.
        TypeError: If ``momentum`` is not a number.
    """
    check_in_unit_interval("momentum", momentum)
    trace = find_state(state, MomentumState).trace
    # Behind a learning rate it is -v: what is added to the parameters.
    return map_rule(_ahead, params, trace, momentum=momentum)[0]


def _ahead(p, trace, *, momentum):
    return p + momentum * trace


def _momentum(g, trace, *, momentum):
    trace = g + momentum * trace
    return trace, (trace,)


def _nesterov(g, trace, *, momentum):
    trace = g + momentum * trace
    return g + momentum * trace, (trace,)
