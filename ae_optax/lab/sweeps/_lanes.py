"""Several runs at once: side by side on a device, and on several devices."""

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np

from ae_optax.lab import training
from ae_optax.lab.data import Dataset

Devices: TypeAlias = Sequence[Any]
"""Some of ``jax.devices()``."""


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
