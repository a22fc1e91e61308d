"""The weights of a PyTorch model, turned into ours."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from ae_optax._trees import path_of
from ae_optax.lab.trained._weights import fill

Convert = Callable[[np.ndarray], np.ndarray]


def import_torch(
    state_dict: Mapping[str, Any],
    params: Any,
    names: Mapping[str, str | tuple[str, Convert]],
) -> Any:
    r"""Turn the weights of a PyTorch model into parameters of ours.

    What ends in ``kernel`` is turned from PyTorch's order of axes into Flax's: the weight of a
    linear layer (out, in) into (in, out), that of a convolution (out, in, height, width) into
    (height, width, in, out). All else is taken as it is.

    .. code-block:: python

        names = {
            "encoder/0/kernel": "encoder.0.weight",
            "encoder/0/bias": "encoder.0.bias",
            "decoder/0/kernel": ("up.weight", trained.transposed_convolution),
        }
        params = trained.import_torch(torch_model.state_dict(), params, names)

    PyTorch flattens images channels first, Flax channels last: the rows of the kernel after a
    flattening must be brought into order by a function of one's own, for ``c`` channels of
    ``h``×``w``: ``lambda w: w.reshape(-1, c, h, w).transpose(2, 3, 1, 0).reshape(h * w * c, -1)``.

    Args:
        state_dict: What ``model.state_dict()`` returns, with tensors or with arrays.
        params: Our parameters, whose structure, shapes and dtypes are kept; shapes will do.
        names: By the path of each of our parameters, as :func:`~ae_optax.by_path` has it, the name
            of PyTorch's; or that and the function that turns its array into ours.

    Returns:
        The parameters.

    Raises:
        ValueError: If a parameter has no name, a name is not PyTorch's, or shapes differ.
    """
    found = {}
    for keys, _ in jax.tree.leaves_with_path(params):
        path = path_of(keys)
        if path not in names:
            raise ValueError(f"`names` must name every parameter, got none for {path!r}.")
        told = names[path]
        name, convert = (told, _by_path(path)) if isinstance(told, str) else told
        if name not in state_dict:
            raise ValueError(
                f"`names` must be PyTorch's, got {name!r} for {path!r}; there are "
                f"{', '.join(map(repr, state_dict))}."
            )
        found[path] = convert(_array(state_dict[name]))
    if unknown := names.keys() - found.keys():
        raise ValueError(f"`names` must be of parameters only, got {sorted(unknown)[0]!r}.")
    return fill(params, found, "`state_dict`")


def transposed_convolution(weight: np.ndarray) -> np.ndarray:
    """Turn the weight of a PyTorch ``ConvTranspose`` into a kernel of Flax's.

    (in, out, height, width) becomes (height, width, in, out), and both sides are turned round:
    PyTorch's is the adjoint of a convolution with that kernel, Flax's a convolution of what has
    gaps between its pixels.
    """
    spatial = tuple(range(2, weight.ndim))
    return np.flip(np.moveaxis(weight, (0, 1), (-2, -1)), tuple(axis - 2 for axis in spatial))


def _by_path(path) -> Convert:
    return _kernel if path.rpartition("/")[2] == "kernel" else lambda array: array


def _kernel(weight):
    """(out, in, ...) to (..., in, out)."""
    return np.moveaxis(weight, (0, 1), (-1, -2)) if weight.ndim > 1 else weight


def _array(value) -> np.ndarray:
    if hasattr(value, "detach"):  # A tensor; NumPy has no bfloat16, so that it is read as float32.
        value = value.detach().cpu()
        value = (value.float() if "bfloat16" in str(value.dtype) else value).numpy()
    return np.array(value)  # A copy: PyTorch's next step would change what it shares.
