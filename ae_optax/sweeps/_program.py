"""One compiled program for all runs that differ in numbers and seeds only."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ae_optax import training
from ae_optax.config import Call, RunConfig
from ae_optax.data import Dataset
from ae_optax.models import Model
from ae_optax.sweeps._task import Task

Devices: TypeAlias = Sequence[Any]
"""Some of ``jax.devices()``."""


class Program(NamedTuple):
    """A compiled program that makes several runs at once.

    Attributes:
        function: ``function(values, seeds, images) -> RunResult``, everything with a leading axis
            over the runs, of size ``width``.
        width: How many runs.
        sharding: Of that axis.
        compile_seconds: Time until it was compiled.
    """

    function: Any
    width: int
    sharding: jax.sharding.Sharding
    compile_seconds: float

    def __call__(
        self, values: Sequence[Mapping[str, float]], seeds: Sequence[int], images: training.Images
    ) -> list[training.RunResult]:
        """Make at most ``width`` runs; their last states are left out."""
        missing = self.width - len(seeds)
        padded, all_seeds = [*values, *[values[-1]] * missing], [*seeds, *[seeds[-1]] * missing]
        stacked = {path: np.array([v[path] for v in padded], np.float32) for path in values[0]}
        given = jax.device_put((stacked, np.array(all_seeds, np.int32)), self.sharding)
        result = jax.device_get(self.function(*given, images))
        return [jax.tree.map(lambda leaf, i=i: leaf[i], result) for i in range(len(seeds))]


def compile_program(
    task: Task,
    config: RunConfig,
    paths: Sequence[str],
    images: training.Images,
    *,
    lanes: int,
    devices: Devices,
) -> Program:
    """Compile the runs of a config for any values at ``paths``, and any seed.

    Args:
        task: What the config sets the optimizer to solve.
        config: One of the runs.
        paths: Of the numbers of its optimizer that become arguments.
        images: On the devices.
        lanes: How many runs each device makes side by side, vectorised. One is exactly what
            :func:`~ae_optax.training.make_run` computes; several give the same to rounding.
        devices: Those to use, each with runs of its own.

    Returns:
        A program that makes ``lanes * len(devices)`` runs at once.
    """
    started = time.perf_counter()
    run = training.make_run(
        task.model,
        task.loss,
        config.optimizer.build,
        config.training,
        corruption=task.corruption,
        metrics=task.metrics,
    )

    def one(values, seed, images):
        return run(values, seed, images)._replace(state=None)

    def several(values, seeds, images):
        if lanes > 1:
            return jax.vmap(one, in_axes=(0, 0, None))(values, seeds, images)
        first = jax.tree.map(lambda x: x[0], values)
        return jax.tree.map(lambda x: x[None], one(first, seeds[0], images))

    sharding, width = over_runs(devices), lanes * len(devices)
    function: Any = several
    if isinstance(sharding, jax.NamedSharding):
        function = jax.shard_map(
            several,
            mesh=sharding.mesh,
            in_specs=(sharding.spec, sharding.spec, jax.P()),
            out_specs=sharding.spec,
            check_vma=False,  # What a run starts from may be the same for all runs.
        )
    number = jax.ShapeDtypeStruct((width,), jnp.float32, sharding=sharding)
    values, seeds = dict.fromkeys(paths, number), number.update(dtype=jnp.int32)
    compiled = jax.jit(function).lower(values, seeds, images).compile()
    return Program(compiled, width, sharding, time.perf_counter() - started)


def over_runs(devices: Devices) -> jax.sharding.Sharding:
    """Return how an axis over runs lies on the devices."""
    if len(devices) == 1:
        return jax.sharding.SingleDeviceSharding(devices[0])
    mesh = jax.sharding.Mesh(np.array(devices), ("runs",))
    return jax.NamedSharding(mesh, jax.P("runs"))


def on_devices(data: Dataset, devices: Devices) -> training.Images:
    """Return the images of a data set, a copy on each device."""
    sharding = over_runs(devices)
    if isinstance(sharding, jax.NamedSharding):
        sharding = jax.NamedSharding(sharding.mesh, jax.P())
    return jax.device_put(training.on_device(data), sharding)


def traceable(model: Model, optimizer: Call, numbers: Mapping[str, float], images: Any) -> set[str]:
    """Return the paths of those numbers that an optimizer accepts without knowing them.

    Args:
        model: What it is to train.
        optimizer: Makes the optimizer.
        numbers: By path.
        images: Of the shape that the model is given.
    """

    def update(images, values):
        params, _ = model.init(jax.random.key(0), images)
        transformation = optax.with_extra_args_support(optimizer.build(values))
        state = transformation.init(params)
        return transformation.update(params, state, params, value=jnp.zeros([]), observe=False)

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
