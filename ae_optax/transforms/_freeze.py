"""Nothing moves."""

import jax.numpy as jnp
import optax

from ae_optax._transformation import transformation
from ae_optax._trees import map_updates


@transformation
def freeze() -> optax.GradientTransformation:
    r"""Make every update zero: :math:`u = 0`, whatever comes in.

    In a group of :func:`~ae_optax.by_path` the group's parameters stay what they are, and no
    memory is spent on them.

    Optax: ``set_to_zero``.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.
    """

    def init(params):
        del params
        return optax.EmptyState()

    def update(updates, state, params=None):
        del params
        return map_updates(jnp.zeros_like, updates), state

    return optax.GradientTransformation(init, update)
