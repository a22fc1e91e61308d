"""Runs that work, but rarely do what was meant."""

import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import optax

from ae_optax._transformation import Transformation
from ae_optax.lab.training._epoch import steps_per_epoch
from ae_optax.lab.training._evaluate import make_evaluate
from ae_optax.lab.training._settings import Settings
from ae_optax.lab.training._state import init_state
from ae_optax.lab.training._task import Task
from ae_optax.observing import lint

WAY_OUT = "Give it their number; in a config, `duration: run`."
POINTS = 200
"""At how many steps of a run its schedules are looked at."""

BOUNDING = ("retract_", "decay", "l1_penalty", "l2_penalty")
"""In the name of what keeps a decoder from growing as its codes shrink."""


def lint_run(task: Task, optimizer: optax.GradientTransformation, settings: Settings) -> list[str]:
    """Return warnings about a run, each a sentence or two.

    They are those of :func:`~ae_optax.lint` about the optimizer, and about schedules of learning
    rates that do not fit the length of the run (zero for a part of it, or still to fall at its
    end), a penalty of codes that the decoder can evade, a divergence in nats beside a mean over
    pixels, a plateau of another framework, and units that are given new weights and keep their old
    moments. What has no meaning at all is refused.

    Args:
        task: What is to be solved.
        optimizer: What solves it.
        settings: How long, in what portions.

    Returns:
        The warnings, none if all is well.
    """
    steps = settings.epochs * steps_per_epoch(task.data.sizes["train"], settings.batch_size)
    rates = list(dict.fromkeys(_schedules(optimizer)))
    return [
        *lint(optimizer),
        *(warning for rate in rates for warning in _about_rate(rate, steps)),
        *_about_terms(task, optimizer),
        *_about_plateau(optimizer),
        *_about_renewal(task.model, optimizer),
    ]


def _about_rate(rate, steps) -> Iterator[str]:
    inside = np.unique(np.linspace(0, steps - 1, POINTS).astype(np.int32))
    *values, beyond = np.asarray(jax.jit(jax.vmap(rate))(np.append(inside, 20 * steps)), float)
    values, highest = np.array(values), max(values)
    if not highest > 0:
        return
    last = inside[np.flatnonzero(values > 0)[-1]]
    idle, left = 1 - (last + 1) / steps, values[-1] / highest
    if idle > 0.05:
        yield (
            f"the learning rate is 0 for the last {100 * idle:.0f} % of the run: its schedule is "
            f"shorter than the run's {steps} steps. {WAY_OUT}"
        )
    elif left > 0.9 and beyond < 0.1 * highest:
        yield (
            f"the learning rate still stands at {100 * left:.0f} % of its highest at the end of "
            f"the run: its schedule is longer than the run's {steps} steps. {WAY_OUT}"
        )


def _about_terms(task, optimizer) -> Iterator[str]:
    images = task.data.first(1, "train")
    weights = _weights(task.model, task.loss, images.shape, images.dtype)
    means = [name for name in ("mse", "bce_mean") if name in weights]
    if means and weights.get("kl") == 1:
        yield (
            f"kl is in nats per image and {means[0]} a mean over pixels: the divergence outweighs "
            "it by their number, and every unit of the code collapses. Use negative_elbo, with "
            "gaussian_nll or bce_sum."
        )
    names = {*weights, *_names(optimizer)}
    if "code_l1" in weights and not any(part in name for name in names for part in BOUNDING):
        yield (
            "code_l1 can be evaded: the codes shrink as the decoder grows. Keep its entries at one "
            "length with retract_to_sphere behind their optimizer, or penalise them as well."
        )


@functools.lru_cache(maxsize=8)  # Contenders have one task.
def _weights(model, loss, shape, dtype):
    """Return the terms of a loss, by name, and their weights; ``None`` for one that changes."""
    weights = {}

    def terms(seen):
        found = loss.terms(seen)
        plain = {k: t.weight if isinstance(t.weight, float) else None for k, t in found.items()}
        weights.update(plain)
        return found

    def measured(images):
        state = init_state(model, optax.identity(), images, 0)
        return make_evaluate(Task(model, loss._replace(terms=terms)))(state, images)

    jax.eval_shape(measured, jax.ShapeDtypeStruct(shape, dtype))
    return weights


def _about_plateau(optimizer) -> Iterator[str]:
    if "reduce_lr_on_plateau" in _names(optimizer):
        yield (
            "reduce_lr_on_plateau observes the loss of every batch, so that its patience counts "
            "steps. Use reduce_on_plateau, which observes the validation loss after every epoch."
        )


def _about_renewal(model, optimizer) -> Iterator[str]:
    if model.renew is not None and "reset_units" not in _names(optimizer):
        yield (
            "the model gives units new weights, and the optimizer goes on with what it remembers "
            "of the old ones. Put the optimizer of each kernel into reset_units."
        )


def _schedules(node: Any) -> Iterator[Callable[..., Any]]:
    """Yield the schedules of learning rates that a transformation and its parts are made with."""
    for name, value in _arguments(node):
        if name in ("learning_rate", "lr") and callable(value):
            yield value
        yield from _schedules(value)


def _names(node: Any) -> Iterator[str]:
    """Yield what a transformation and all that it is made of are called."""
    if isinstance(node, Transformation):
        yield node.name
        yield from _names(node.body)
    for _, value in _arguments(node):
        yield from _names(value)


def _arguments(node):
    if isinstance(node, Transformation):
        return node.arguments.items()
    if isinstance(node, dict):
        return node.items()
    return enumerate(node) if type(node) in (list, tuple) else ()
