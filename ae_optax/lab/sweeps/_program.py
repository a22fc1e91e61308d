"""One compiled program for all runs that differ in numbers and seeds only."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ae_optax.lab import training
from ae_optax.lab.config import Call
from ae_optax.lab.models import Model, as_output
from ae_optax.lab.plans import RunConfig
from ae_optax.lab.sweeps._lanes import Compiled, Lanes


class Program(NamedTuple):
    """A compiled program that makes several runs at once.

    Attributes:
        start: ``start(seed, images) -> Start``, which programs of other optimizers share.
        run: ``run((values, start), images) -> RunResult``.
        lanes: How many runs, and where.
    """

    start: Compiled
    run: Compiled
    lanes: Lanes

    def __call__(
        self, values: Sequence[Mapping[str, float]], seeds: Sequence[int], images: training.Images
    ) -> list[training.RunResult]:
        """Make at most as many runs as there are lanes; their last states stay on the devices."""
        start = self.start.function(self.lanes.place([np.int32(seed) for seed in seeds]), images)
        numbers = [{path: np.float32(x) for path, x in run.items()} for run in values]
        found = self.run.function((self.lanes.place(numbers), start), images)
        rest = jax.device_get(found._replace(state=None))
        result = rest._replace(state=found.state)
        return [jax.tree.map(lambda leaf, i=i: leaf[i], result) for i in range(len(seeds))]


def compile_start(task: training.Task, images: training.Images, lanes: Lanes) -> Compiled:
    """Compile what runs of all optimizers start from, for any seed.

    Args:
        task: What the optimizers are set to solve.
        images: On the devices.
        lanes: How many runs, and where.
    """
    return lanes.compile(training.make_start(task), lanes.scalar(jnp.int32), images)


def compile_program(
    task: training.Task,
    config: RunConfig,
    paths: Sequence[str],
    images: training.Images,
    start: Compiled,
    lanes: Lanes,
) -> Program:
    """Compile the runs of a config for any values at ``paths``, and any seed.

    Args:
        task: What the config sets the optimizer to solve.
        config: One of the runs.
        paths: Of the numbers of its optimizer that become arguments.
        images: On the devices.
        start: From :func:`compile_start`.
        lanes: How many runs, and where. One on each device is exactly what
            :func:`~ae_optax.lab.training.make_run` computes; several give the same to rounding.
    """
    run = training.make_run_from(task, config.optimizer.build, config.training)

    def one(given, images):
        values, start = given
        return run(values, start, images)

    given = (dict.fromkeys(paths, lanes.scalar(jnp.float32)), lanes.result(start))
    return Program(start, lanes.compile(one, given, images), lanes)


def traceable(model: Model, optimizer: Call, numbers: Mapping[str, float], images: Any) -> set[str]:
    """Return the paths of those numbers that an optimizer accepts without knowing them.

    Args:
        model: What it is to train.
        optimizer: Makes the optimizer.
        numbers: By path.
        images: Of the shape that the model is given.
    """

    def update(images, values):
        key = jax.random.key(0)
        params, model_state = model.init(key, images)
        transformation = optax.with_extra_args_support(optimizer.build(values))
        state = transformation.init(params)

        def loss(params):
            output, _ = model.apply(params, model_state, images, key, False)
            return jnp.mean(as_output(output).decoded)

        told = training.told_of_layers(state, loss, params)
        value = jnp.zeros([])
        return transformation.update(params, state, params, value=value, observe=False, **told)

    def accepts(paths):
        values = {path: jnp.float32(numbers[path]) for path in paths}
        try:
            jax.eval_shape(update, images[:1], values)
        except Exception:  # Whatever it is, knowing the numbers may cure it.
            return False
        return True

    if accepts(numbers):
        return set(numbers)
    alone = {path for path in numbers if accepts([path])}
    return alone if accepts(alone) else set()
