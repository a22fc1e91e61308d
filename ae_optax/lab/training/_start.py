"""What a run starts from: the same for every optimizer."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import jax
import optax

from ae_optax.lab.training._evaluate import make_evaluate
from ae_optax.lab.training._images import Images, on_device
from ae_optax.lab.training._measure import Numbers, make_measure
from ae_optax.lab.training._state import TrainState, init_state
from ae_optax.lab.training._task import Task


class Start(NamedTuple):
    """What a run starts from.

    Attributes:
        state: The state before the first step, of no optimizer yet.
        untrained: What was measured of it, by name; each of shape ().
    """

    state: TrainState
    untrained: Numbers


def make_start(task: Task) -> Callable[[int | jax.Array, Images], Start]:
    """Make the pure function that initialises a model and measures it.

    Args:
        task: What is to be solved.

    Returns:
        ``start(seed, images) -> Start``, which knows no optimizer: compiled once, it serves runs
        of all of them. To be compiled by the caller.
    """
    measure = make_measure(make_evaluate(task))

    def start(seed, images):
        state = init_state(task.model, optax.identity(), images.train, seed)
        return Start(state, measure(state, images))

    return start


def untrained(task: Task, seed: int) -> Mapping[str, float]:
    """Measure the model that a run with a seed starts from.

    Args:
        task: What is to be solved.
        seed: Of the run.

    Returns:
        ``validation_loss``, ``test_loss`` and the like, named as after an epoch.
    """
    start = make_start(task)
    measured = jax.jit(lambda images: start(seed, images).untrained)(on_device(task.data))
    return {name: float(value) for name, value in measured.items()}
