"""A model as a compiled program, which needs neither this package nor Flax to run."""

import os
from pathlib import Path
from typing import Any, Literal, get_args

import jax
import jax.export
import jax.numpy as jnp

from ae_optax._checks import check_one_of
from ae_optax.lab.runs import write_file
from ae_optax.lab.trained._model import TrainedModel

Function = Literal["encode", "decode", "reconstruct"]
FUNCTIONS: tuple[Function, ...] = get_args(Function)
PLATFORMS = ("cpu", "cuda", "rocm", "tpu")


def write_program(
    model: TrainedModel, path: str | os.PathLike[str], *, function: Function = "reconstruct"
) -> None:
    """Write what a model does as a program in StableHLO, weights included, for any batch.

    Args:
        model: The model.
        path: The file. One that ends in ``.mlir`` holds StableHLO's portable bytecode, for other
            compilers; one in ``.jax`` is read by
            ``jax.export.deserialize(bytearray(file)).call(images)``.
        function: What it computes, in float32: ``"encode"``, ``"decode"`` or ``"reconstruct"``.

    Raises:
        ModuleNotFoundError: If a ``.jax`` is asked for and flatbuffers is not installed.
        OSError: If the file cannot be written; an old one stays.
        ValueError: If the file is to be of another kind, or the model has no such function.
    """
    path = Path(path)
    check_one_of("function", function, Function)
    if path.suffix not in (".mlir", ".jax"):
        raise ValueError(f"`path` must end in .mlir or .jax, got {str(path)!r}.")
    batch_function = getattr(model, f"{function}_batch")

    def program(rows):
        return batch_function(model.params, model.model_state, rows)

    n = jax.export.symbolic_shape("n")
    shape = model.code_shape if function == "decode" else model.shape
    rows = jax.ShapeDtypeStruct((*n, *shape), jnp.float32)
    exported: Any = jax.export.export(jax.jit(program), platforms=PLATFORMS)(rows)
    try:
        bytecode = path.suffix == ".mlir"
        content = exported.mlir_module_serialized if bytecode else exported.serialize()
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "flatbuffers is not installed: install the extra, `pip install 'ae_optax[export]'`."
        ) from error
    write_file(path, bytes(content))
