"""Several devices: the batch split over them and, if that is asked for, the state too."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec, Sharding

from ae_optax._checks import check_positive_integer
from ae_optax.lab.models import Model
from ae_optax.lab.training._state import TrainState

AXIS = "batch"


@dataclass(frozen=True)
class Mesh:
    """Over how many devices a run is spread.

    It changes the numbers, though only in their last digits: sums over a batch are made in another
    order. So it belongs to what a run is.

    Attributes:
        batch: Devices that share each batch, at least 1; must divide ``batch_size``.
        shard_parameters: Whether parameters, optimizer state and the model's own state are split
            as well, each array along the longest axis that ``batch`` divides; an array that has
            none, and everything otherwise, is on every device. It saves memory and costs
            communication.

    Raises:
        TypeError: If ``batch`` is no integer.
        ValueError: If it is less than 1.
    """

    batch: int
    shard_parameters: bool = False

    def __post_init__(self):
        """Check the range."""
        check_positive_integer("batch", self.batch)


class Layout(NamedTuple):
    """What of a run lies where.

    Attributes:
        everywhere: Of images and numbers, which every device has; ``None``: no choice is made.
        batches: Of (steps, batch, numbers), each batch divided; likewise.
        place: Adds to the shapes and dtypes of a state where its arrays lie.
        split: Makes of a model one that splits what it is applied to.
    """

    everywhere: Sharding | None
    batches: Sharding | None
    place: Callable[[TrainState], TrainState]
    split: Callable[[Model], Model]


ONE_DEVICE = Layout(None, None, lambda state: state, lambda model: model)


def make_layout(mesh: Mesh | None) -> Layout:
    """Return where a run's arrays lie; ``None`` stands for one device.

    Raises:
        ValueError: If there are fewer devices, or others in another process.
    """
    check_devices(mesh)
    if mesh is None:
        return ONE_DEVICE
    devices = np.asarray(jax.devices()[: mesh.batch])
    over = jax.sharding.Mesh(devices, (AXIS,))
    everywhere = NamedSharding(over, PartitionSpec())

    def place(state):
        state = jax.tree.map(lambda leaf: _at(leaf, everywhere), state)
        if not mesh.shard_parameters:
            return state
        large = (state.params, state.model_state, state.opt_state)
        params, model_state, opt_state = jax.tree.map(
            lambda leaf: _at(leaf, NamedSharding(over, split_longest(leaf.shape, mesh.batch))),
            large,
        )
        return state._replace(params=params, model_state=model_state, opt_state=opt_state)

    def split(model):
        def apply(params, model_state, images, key, train):
            images = jax.lax.with_sharding_constraint(
                images, NamedSharding(over, PartitionSpec(AXIS))
            )
            return model.apply(params, model_state, images, key, train)

        return model._replace(apply=apply)

    batches = NamedSharding(over, PartitionSpec(None, AXIS))
    return Layout(everywhere, batches, place, split)


def check_devices(mesh: Mesh | None) -> None:
    """Raise ``ValueError`` unless there are the devices that a run asks for."""
    there, processes = jax.device_count(), jax.process_count()
    if processes > 1 and (mesh is None or mesh.batch != there):
        raise ValueError(
            f"`mesh.batch` must be {there}, the devices of all {processes} processes, got "
            f"{mesh and mesh.batch}."
        )
    if mesh is not None and mesh.batch > there:
        raise ValueError(
            f"`mesh.batch` must be at most {there}, the devices there are, got {mesh.batch}. "
            "Several can be had of one CPU: JAX_NUM_CPU_DEVICES=8."
        )


def split_longest(shape: tuple[int, ...], parts: int) -> PartitionSpec:
    """Return the split of an array along the longest axis that the number of parts divides."""
    fitting = [axis for axis, size in enumerate(shape) if size and size % parts == 0]
    if not fitting:
        return PartitionSpec()
    longest = max(fitting, key=lambda axis: shape[axis])
    return PartitionSpec(*(AXIS if axis == longest else None for axis in range(longest + 1)))


def shardings(template: Any) -> Any:
    """Return where the arrays of a template lie."""
    return jax.tree.map(lambda leaf: leaf.sharding, template)


def _at(leaf, sharding):
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)
