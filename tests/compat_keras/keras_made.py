"""The optimizers of `ae_optax.compat.keras` as their tests make them, and where Keras has them."""

import inspect

import jax
import jax.numpy as jnp

from ae_optax.compat import keras as compat

SCHEDULES = {
    "cosine_decay": "CosineDecay",
    "cosine_decay_restarts": "CosineDecayRestarts",
    "exponential_decay": "ExponentialDecay",
    "inverse_time_decay": "InverseTimeDecay",
    "piecewise_constant_decay": "PiecewiseConstantDecay",
    "polynomial_decay": "PolynomialDecay",
}
# Keras's class of each function.
CLASSES = {
    "adadelta": "Adadelta",
    "adafactor": "Adafactor",
    "adagrad": "Adagrad",
    "adam": "Adam",
    "adamax": "Adamax",
    "adamw": "AdamW",
    "ftrl": "Ftrl",
    "lamb": "Lamb",
    "lion": "Lion",
    "muon": "Muon",
    "nadam": "Nadam",
    "reduce_lr_on_plateau": "ReduceLROnPlateau",
    "rmsprop": "RMSprop",
    "sgd": "SGD",
    **SCHEDULES,
}
OPTIMIZERS = [name for name in CLASSES if name not in {*SCHEDULES, "reduce_lr_on_plateau"}]

# Every common option at once, but two of the three kinds of clipping.
COMMON = {
    "weight_decay": 0.1,
    "global_clipnorm": 2.0,
    "use_ema": True,
    "ema_overwrite_frequency": 3,
    "loss_scale_factor": 8.0,
    "gradient_accumulation_steps": 2,
}
# Keeping a velocity, so that a state has something to be checked.
VELOCITY = {"sgd": {"momentum": 0.9}, "rmsprop": {"momentum": 0.9, "centered": True}}


def make(name, /, *, common=False, **options):
    options = {**VELOCITY.get(name, {}), **(COMMON if common else {}), **options}
    return getattr(compat, name)(**options)


def run(optimizer, params, grads):
    """Return the parameters after each step, and the last state."""

    def step(carry, g):
        params, state = carry
        updates, state = optimizer.update(g, state, params)
        params = jax.tree.map(jnp.add, params, updates)
        return (params, state), params

    start = (params, optimizer.init(params))
    (_, state), trajectory = jax.jit(lambda start, grads: jax.lax.scan(step, start, grads))(
        start, grads
    )
    return trajectory, state


def signature(function):
    """Return name, kind and default of every argument, less ``self`` and what takes all others."""
    return [
        [p.name, p.kind.name, "" if p.default is p.empty else repr(p.default)]
        for p in inspect.signature(function).parameters.values()
        if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL) and p.name != "self"
    ]
