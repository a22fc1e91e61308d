"""Everything that changes during training."""

import math
from collections.abc import Callable
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import check_seed
from ae_optax.lab.data import SAMPLE
from ae_optax.lab.models import Model
from ae_optax.lab.training._faults import FaultState, no_faults


class EpochSums(NamedTuple):
    """What is summed up over the steps of an epoch; all of shape ().

    Attributes:
        loss_sum: Over the images that were learnt from, of the loss each met; float32.
        images: How many these are; int32.
        skipped: Steps that were skipped, as something was not finite; int32.
    """

    loss_sum: jax.Array
    images: jax.Array
    skipped: jax.Array

    @classmethod
    def zeros(cls) -> "EpochSums":
        """Return the sums before the first step."""
        none = jnp.zeros([], jnp.int32)
        return cls(jnp.zeros([], jnp.float32), none, jnp.zeros_like(none))

    @property
    def loss(self) -> jax.Array:
        """The mean over the images that were learnt from; NaN if there are none."""
        mean = self.loss_sum / jnp.maximum(self.images, 1).astype(jnp.float32)
        return jnp.where(self.images > 0, mean, jnp.nan)


class TrainState(NamedTuple):
    """Everything that changes during training, as one tree of arrays.

    Attributes:
        params: The model's parameters.
        model_state: What else the model remembers.
        opt_state: State of the optimizer.
        key: The run's random key; constant. What is random derives from it and the step.
        step: Number of steps done; shape (), int32.
        epoch: What is summed up over this epoch so far.
        rate_scale: What is left of the learning rate after steps that were not finite; shape (),
            float32.
        faults: What is known of such steps.
    """

    params: Any
    model_state: Any
    opt_state: Any
    key: jax.Array
    step: jax.Array
    epoch: EpochSums
    rate_scale: jax.Array
    faults: FaultState

    def __repr__(self) -> str:
        """Return how far it is and how many numbers it holds, without a single array."""
        try:
            at = f"step {int(self.step)}, "
        except (TypeError, jax.errors.ConcretizationTypeError):
            at = ""  # It is traced, or known by its shape.
        learnt, kept = (
            sum(math.prod(leaf.shape) for leaf in jax.tree.leaves(tree))
            for tree in (self.params, self.opt_state)
        )
        return f"<TrainState: {at}{learnt} parameters, {kept} numbers of the optimizer>"


def init_state(
    model: Model,
    optimizer: optax.GradientTransformation,
    images: jax.Array,
    seed: int | jax.Array,
    *,
    values: Callable[[jax.Array], jax.Array] = lambda images: images,
) -> TrainState:
    """Return the state before the first step.

    Args:
        model: The model.
        optimizer: The optimizer.
        images: Images (n, ...) to train on, of which the model is shown a sample.
        seed: An integer in [0, 2³¹), which may be traced.
        values: What makes values of images that are stored as bytes, from :func:`make_values`.

    Returns:
        A state in which no two leaves share memory, fit to be donated.
    """
    if not isinstance(seed, jax.Array):
        check_seed("seed", seed)
    key = jax.random.key(seed)
    init_key, run_key = jax.random.split(key)
    evenly = max(1, images.shape[0] // SAMPLE)
    params, model_state = model.init(init_key, values(images[::evenly][:SAMPLE]))
    return TrainState(
        params=params,
        model_state=model_state,
        opt_state=optimizer.init(params),
        key=run_key,
        step=jnp.zeros([], jnp.int32),
        epoch=EpochSums.zeros(),
        rate_scale=jnp.ones([], jnp.float32),
        faults=no_faults(params, model_state),
    )


Purpose = Literal["order", "step", "corruption", "renew", "targets"]
PURPOSES: tuple[Purpose, ...] = ("order", "step", "corruption", "renew", "targets")


def key_for(state: TrainState, purpose: Purpose) -> jax.Array:
    """Return this step's random key for a purpose, a function of the run's key and the step."""
    return key_at(state.key, state.step, purpose)


def key_at(key: jax.Array, step: jax.Array | int, purpose: Purpose) -> jax.Array:
    """Return a step's random key for a purpose, given the run's key."""
    return jax.random.fold_in(jax.random.fold_in(key, PURPOSES.index(purpose)), step)
