"""Weights as a safetensors file: arrays by name, which any framework reads and none runs."""

import importlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ae_optax._trees import path_of
from ae_optax.lab.models import Model
from ae_optax.lab.runs import DamagedError, read_bytes, write_file
from ae_optax.lab.trained._model import TrainedModel

PARAMS, STATE = "params", "state"


def write_weights(
    model: TrainedModel, path: str | os.PathLike[str], *, about: Mapping[str, str] | None = None
) -> None:
    """Write the weights of a model as a safetensors file.

    Arrays are called as :func:`~ae_optax.by_path` calls parameters, after ``params/``:
    ``params/encoder/0/kernel``. Kernels of dense layers are (in, out), those of convolutions
    (height, width, in, out), as Flax has them. What else the model remembers is below ``state/``.

    Args:
        model: The model, at the parameters at which it is evaluated.
        path: The file.
        about: What to write into its header, by name, such as the config.

    Raises:
        ModuleNotFoundError: If the package ``safetensors`` is not installed.
        OSError: If the file cannot be written; an old one stays.
    """
    tree = {PARAMS: model.params, STATE: model.model_state}
    arrays = {name: np.asarray(leaf) for name, leaf in _leaves(tree).items()}
    write_file(Path(path), _safetensors().save(arrays, metadata=dict(about or {})))


def read_weights(
    path: str | os.PathLike[str], model: Model, shape: tuple[int, ...]
) -> tuple[Any, Any]:
    """Read the weights of a model from a safetensors file.

    Args:
        path: A file that :func:`write_weights` has written, or one with the same names.
        model: The model.
        shape: Of an image.

    Returns:
        Parameters and what else the model remembers, as ``model.init`` returns them.

    Raises:
        ModuleNotFoundError: If the package ``safetensors`` is not installed.
        OSError: If the file cannot be read.
        ValueError: If it is no such file, or its arrays are not those of the model, with the first
            that differs.
    """
    image = jax.ShapeDtypeStruct((1, *shape), np.float32)
    params, state = jax.eval_shape(model.init, jax.random.key(0), image)
    wanted = {PARAMS: params, STATE: state}
    try:
        found = _safetensors().load(read_bytes(Path(path)))
    except (OSError, DamagedError):
        raise
    except Exception as error:  # Damage makes it raise errors of its own.
        raise ValueError(f"{path}: must be a safetensors file: {error}.") from error
    read = fill(wanted, found, str(path))
    return read[PARAMS], read[STATE]


def fill(wanted: Any, found: Mapping[str, np.ndarray], source: str) -> Any:
    """Return a tree like ``wanted`` of the arrays that are found under the names of its leaves.

    Raises:
        ValueError: If one is missing, of another shape, or left over.
    """
    leaves = _leaves(wanted)
    if missing := [name for name in leaves if name not in found]:
        raise ValueError(f"{source}: must hold all arrays of the model, {missing[0]!r} is missing.")
    if more := sorted(found.keys() - leaves.keys()):
        raise ValueError(f"{source}: must hold arrays of the model only, got {more[0]!r}.")
    for name, leaf in leaves.items():
        if found[name].shape != leaf.shape:
            raise ValueError(
                f"{source}: {name!r} must have the shape {leaf.shape}, got {found[name].shape}."
            )
    made = [jax.numpy.asarray(found[name], leaf.dtype) for name, leaf in leaves.items()]
    return jax.tree.unflatten(jax.tree.structure(wanted), made)


def _leaves(tree) -> dict[str, Any]:
    return {path_of(keys): leaf for keys, leaf in jax.tree.leaves_with_path(tree)}


def _safetensors() -> Any:
    try:
        return importlib.import_module("safetensors.numpy")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "safetensors is not installed: install the extra, `pip install 'ae_optax[export]'`."
        ) from error
