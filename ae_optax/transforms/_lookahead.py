"""Fast steps ahead, and now and then a slow one after them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_params_given, check_positive_integer, check_rule
from ae_optax._leafwise import map_rule
from ae_optax._numbers import whole
from ae_optax._transformation import check_transformation, transformation
from ae_optax._trees import cast_like, copies_of
from ae_optax._types import Scalar, StorageDType


class LookaheadState(NamedTuple):
    """What :func:`lookahead` remembers between steps.

    Attributes:
        count: Number of fast steps since the last slow one; shape (), int32.
        slow: The slow parameters. Structure and shapes of the parameters.
        inner: State of the optimizer that takes the fast steps.
    """

    count: jax.Array
    slow: optax.Params
    inner: optax.OptState

    def evaluate_at(self):
        """Say that the model is to be evaluated at the slow parameters."""
        return lambda _, slow: slow, self.slow


@transformation
def lookahead(
    inner: optax.GradientTransformation,
    *,
    every: int = 5,
    slow_rate: Scalar = 0.5,
    dtype: StorageDType = None,
) -> optax.GradientTransformation:
    r"""Go some steps ahead, then return part of the way to where they began.

    With the steps :math:`u_t` of ``inner`` and slow parameters :math:`\phi_0 = \theta_0`,

    .. math::

        \tilde\theta_t &= \theta_{t-1} + u_t \\
        \phi_t &= \begin{cases}
            \phi_{t-1} + \alpha\,(\tilde\theta_t - \phi_{t-1}) & \text{if } k \text{ divides } t \\
            \phi_{t-1} & \text{otherwise}
        \end{cases} \\
        \theta_t &= \phi_t \text{ if } k \text{ divides } t, \text{ else } \tilde\theta_t

    The parameters are plain parameters (``optax.lookahead`` wants pairs): the slow ones live in
    the state, and equal the parameters after every :math:`k`-th step. The model is to be evaluated
    there, see :func:`evaluation_params`. The state of ``inner`` is kept when that happens.

    Args:
        inner: An optimizer, learning rate included.
        every: :math:`k \ge 1`, fast steps for each slow one.
        slow_rate: :math:`\alpha \in (0, 1]`; with 1 nothing changes.
        dtype: How :math:`\phi` is stored: a dtype, ``"params"`` for each parameter's own, or
            ``None`` for that but at least float32.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params``.

    Raises:
        ValueError: If ``every`` is less than 1 or ``slow_rate`` outside (0, 1]; in ``update``, if
            ``params`` is missing.
        TypeError: If ``inner`` is no gradient transformation, ``every`` no integer or
            ``slow_rate`` no number.

    References:
        Zhang, Lucas, Hinton and Ba, `Lookahead Optimizer: k steps forward, 1 step back
        <https://arxiv.org/abs/1907.08610>`_, NeurIPS 2019.
    """
    check_transformation("inner", inner)
    check_positive_integer("every", every)
    check_rule("slow_rate", slow_rate, "lie in (0, 1]", lambda v: 0 < v <= 1)
    inner = optax.with_extra_args_support(inner)

    def init(params):
        return LookaheadState(
            jnp.zeros([], jnp.int32), copies_of(params, dtype), inner.init(params)
        )

    def update(updates, state, params=None, **extra):
        check_params_given(params)
        fast, inner_state = inner.update(updates, state.inner, params, **extra)
        last = state.count + 1 == whole(every)

        out, (slow,) = map_rule(
            _lookahead, fast, params, kept=[state.slow], slow_rate=slow_rate, last=last
        )
        count = jnp.where(last, 0, state.count + 1)
        return cast_like(out, updates), LookaheadState(count, slow, inner_state)

    return optax.GradientTransformationExtraArgs(init, update)


def _lookahead(u, p, slow, *, slow_rate, last):
    slow = jnp.where(last, slow + slow_rate * (p + u - slow), slow)
    # The fast step as it came: the difference would round it.
    return jnp.where(last, slow - p, u), (slow,)
