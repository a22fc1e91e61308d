"""Several runs at once: side by side on a device, and on several devices."""

import math
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from ae_optax._equations import each_equation
from ae_optax.lab import training
from ae_optax.lab.data import Dataset
from ae_optax.lab.plans import RunConfig, make_task

Devices: TypeAlias = Sequence[Any]
"""Some of ``jax.devices()``."""


BUSY = 2e9
"""Floating-point operations that keep a device busy for a step; smaller ones wait for launches."""

CONVOLUTION = "conv_general_dilated"


def fitting(config: RunConfig, data: Dataset, device: Any, runs: int) -> int:
    """Return how many runs of a config a device should make side by side.

    Convolutions are made one run at a time: side by side they become grouped ones, of which nobody
    has measured that they gain anything.

    Args:
        config: The run.
        data: Its data.
        device: The device; one that does not tell its memory is believed to have enough.
        runs: How many there are.
    """
    stats = device.memory_stats() or {}
    free = stats.get("bytes_limit", math.inf) - stats.get("bytes_in_use", 0)
    config = config.timed(data.sizes["train"])
    task, optimizer = make_task(config, data), config.optimizer.build()
    batch = jax.ShapeDtypeStruct((config.training.batch_size, *data.shape), jnp.float32)
    state = jax.eval_shape(lambda x: training.init_state(task.model, optimizer, x, 0), batch)
    step = jax.jit(training.make_step(task, optimizer)).trace(state, batch, None)
    if any(each.primitive.name == CONVOLUTION for each in each_equation(step.jaxpr.jaxpr)):
        return 1
    test = jax.ShapeDtypeStruct(data.stored.test.shape, data.stored.test.dtype)
    classes = None if data.labels is None else jax.ShapeDtypeStruct(test.shape[:1], jnp.int32)
    evaluate = jax.jit(training.make_evaluate(task)).lower(state, test, classes)
    costs: list[Any] = [step.lower().cost_analysis(), evaluate.cost_analysis()]
    size = max(cost["bytes accessed"] for cost in costs)
    return side_by_side(runs, costs[0]["flops"], size, free)


def side_by_side(runs: int, flop: float, size: float, free: float) -> int:
    """Return how many runs to make at once: what keeps a device busy, in half its free memory.

    Args:
        runs: How many there are.
        flop: Floating-point operations of a step of one.
        size: Bytes that a step of one, or a batch of its evaluation, touches: the most it needs.
        free: Bytes that are free.
    """
    return max(1, int(min(runs, BUSY / max(flop, 1), free / 2 / max(size, 1))))


class Compiled(NamedTuple):
    """A compiled function of several runs.

    Attributes:
        function: ``function(given, images)``, all but the images with a leading axis over the runs.
        seconds: Spent on tracing and compiling it.
    """

    function: Any
    seconds: float


class Lanes(NamedTuple):
    """How several runs are made at once.

    Attributes:
        devices: Those to use, each with runs of its own.
        each: How many runs a device makes side by side, vectorised. One is exactly what the
            function of one run computes; several give the same to rounding.
    """

    devices: Devices
    each: int

    @property
    def width(self) -> int:
        """How many runs are made at once."""
        return len(self.devices) * self.each

    @property
    def sharding(self) -> jax.sharding.Sharding:
        """How an axis over runs lies on the devices."""
        if len(self.devices) == 1:
            return jax.sharding.SingleDeviceSharding(self.devices[0])
        return jax.NamedSharding(
            jax.sharding.Mesh(np.array(self.devices), ("runs",)), jax.P("runs")
        )

    def images(self, data: Dataset) -> training.Images:
        """Return the images of a data set, a copy on each device."""
        sharding = self.sharding
        if isinstance(sharding, jax.NamedSharding):
            sharding = jax.NamedSharding(sharding.mesh, jax.P())
        return jax.device_put(training.on_device(data), sharding)

    def scalar(self, dtype: Any) -> jax.ShapeDtypeStruct:
        """Return the shape of a number for every run."""
        return jax.ShapeDtypeStruct((self.width,), dtype, sharding=self.sharding)

    def result(self, compiled: Compiled) -> Any:
        """Return the shapes of what a compiled function gives back, where it leaves it."""
        return jax.tree.map(
            lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=self.sharding),
            compiled.function.out_info,
        )

    def place(self, given: Sequence[Any]) -> Any:
        """Stack what at most ``width`` runs are given; places that stay empty repeat the last."""
        padded = [*given, *[given[-1]] * (self.width - len(given))]
        stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *padded)
        return jax.device_put(stacked, self.sharding)

    def compile(
        self, one: Callable[[Any, training.Images], Any], given: Any, images: Any
    ) -> Compiled:
        """Compile a function of one run for ``width`` of them.

        Args:
            one: ``one(given, images)``.
            given: Shapes of what all runs are given, from :meth:`scalar` and :meth:`result`.
            images: On the devices.
        """
        started = time.perf_counter()

        def several(given, images):
            if self.each > 1:
                return jax.vmap(one, in_axes=(0, None))(given, images)
            first = jax.tree.map(lambda x: x[0], given)
            return jax.tree.map(lambda x: x[None], one(first, images))

        sharding = self.sharding
        function: Any = several
        if isinstance(sharding, jax.NamedSharding):
            function = jax.shard_map(
                several,
                mesh=sharding.mesh,
                in_specs=(sharding.spec, jax.P()),
                out_specs=sharding.spec,
                check_vma=False,  # What a run starts from may be the same for all runs.
            )
        compiled = jax.jit(function).lower(given, images).compile()
        return Compiled(compiled, time.perf_counter() - started)
