"""What a run starts from: the same for every optimizer."""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import jax
import optax

from ae_optax.lab.corruptions import Corruption
from ae_optax.lab.data import Dataset
from ae_optax.lab.losses import Loss
from ae_optax.lab.metrics import Metric
from ae_optax.lab.models import Model
from ae_optax.lab.training._evaluate import make_evaluate
from ae_optax.lab.training._images import Images, on_device
from ae_optax.lab.training._measure import Numbers, make_measure
from ae_optax.lab.training._state import TrainState, init_state


class Start(NamedTuple):
    """What a run starts from.

    Attributes:
        state: The state before the first step, of no optimizer yet.
        untrained: What was measured of it, by name; each of shape ().
    """

    state: TrainState
    untrained: Numbers


def make_start(
    model: Model,
    loss: Loss,
    *,
    corruption: Corruption | None = None,
    metrics: Sequence[Metric] = (),
) -> Callable[[int | jax.Array, Images], Start]:
    """Make the pure function that initialises a model and measures it.

    Args:
        model: The model.
        loss: The loss.
        corruption: Done to the images before the model sees them; ``None``: nothing.
        metrics: What to measure beside the loss.

    Returns:
        ``start(seed, images) -> Start``, which knows no optimizer: compiled once, it serves runs
        of all of them. To be compiled by the caller.
    """
    measure = make_measure(make_evaluate(model, loss, corruption=corruption, metrics=metrics))

    def start(seed, images):
        state = init_state(model, optax.identity(), images.train, seed)
        return Start(state, measure(state, images))

    return start


def untrained(
    model: Model,
    loss: Loss,
    data: Dataset,
    seed: int,
    *,
    corruption: Corruption | None = None,
    metrics: Sequence[Metric] = (),
) -> Mapping[str, float]:
    """Measure the model that a run with a seed starts from.

    Args:
        model: The model.
        loss: The loss.
        data: The images.
        seed: Of the run.
        corruption: Done to the images before the model sees them; ``None``: nothing.
        metrics: What to measure beside the loss.

    Returns:
        ``validation_loss``, ``test_loss`` and the like, named as after an epoch.
    """
    start = make_start(model, loss, corruption=corruption, metrics=metrics)
    measured = jax.jit(lambda images: start(seed, images).untrained)(on_device(data))
    return {name: float(value) for name, value in measured.items()}
