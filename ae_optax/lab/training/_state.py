"""Everything that changes during training."""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_seed
from ae_optax.lab.models import Model
from ae_optax.lab.training._faults import FaultState, no_faults


class TrainState(NamedTuple):
    """Everything that changes during training, as one tree of arrays.

    Attributes:
        params: The model's parameters.
        model_state: What else the model remembers.
        opt_state: State of the optimizer.
        key: The run's random key; constant. What is random derives from it and the step.
        step: Number of steps done; shape (), int32.
        loss_sum: Sum over the images of this epoch so far of the loss each met; shape (), float32.
        rate_scale: What is left of the learning rate after steps that were not finite; shape (),
            float32.
        faults: What is known of such steps.
    """

    params: Any
    model_state: Any
    opt_state: Any
    key: jax.Array
    step: jax.Array
    loss_sum: jax.Array
    rate_scale: jax.Array
    faults: FaultState


def init_state(
    model: Model, optimizer: optax.GradientTransformation, images: jax.Array, seed: int | jax.Array
) -> TrainState:
    """Return the state before the first step.

    Args:
        model: The model.
        optimizer: The optimizer.
        images: Images (n, height, width) of the size to train on; only their shape matters.
        seed: An integer in [0, 2³¹), which may be traced.

    Returns:
        A state in which no two leaves share memory, fit to be donated.
    """
    if not isinstance(seed, jax.Array):
        check_seed("seed", seed)
    key = jax.random.key(seed)
    init_key, run_key = jax.random.split(key)
    params, model_state = model.init(init_key, images[:1])
    return TrainState(
        params=params,
        model_state=model_state,
        opt_state=optimizer.init(params),
        key=run_key,
        step=jnp.zeros([], jnp.int32),
        loss_sum=jnp.zeros([], jnp.float32),
        rate_scale=jnp.ones([], jnp.float32),
        faults=no_faults(params),
    )


Purpose = Literal["order", "step", "corruption"]
PURPOSES: tuple[Purpose, ...] = ("order", "step", "corruption")


def key_for(state: TrainState, purpose: Purpose) -> jax.Array:
    """Return this step's random key for a purpose, a function of the run's key and the step."""
    branch = PURPOSES.index(purpose)
    return jax.random.fold_in(jax.random.fold_in(state.key, branch), state.step)
