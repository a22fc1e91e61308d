"""The state of a PyTorch optimizer, turned into ours."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from ae_optax._trees import path_of
from ae_optax.compat.torch._adam import adam
from ae_optax.compat.torch._dampened_momentum import DampenedMomentumState
from ae_optax.compat.torch._rmsprop import rmsprop
from ae_optax.compat.torch._sgd import sgd
from ae_optax.transforms import (
    AverageState,
    CorrectBiasState,
    MomentumState,
    QuotientState,
    RunningMaxState,
    RunningVarianceState,
    ScaleByLearningRateState,
)

# What the options of an optimizer's parameter groups are called, and only its.
_OPTIMIZERS = {
    "Adam": (adam, ("betas", "eps", "weight_decay", "amsgrad")),
    "RMSprop": (rmsprop, ("alpha", "eps", "weight_decay", "momentum", "centered")),
    "SGD": (sgd, ("momentum", "dampening", "weight_decay", "nesterov")),
}
_OTHERS = {"momentum_decay", "lambd", "rho", "beta2_decay", "ns_steps", "lr_decay", "etas"}


def import_state(
    state_dict: Mapping[str, Any],
    params: optax.Params,
    *,
    names: Sequence[str] | None = None,
    convert: Callable[[str, np.ndarray], np.ndarray] | None = None,
    step: int | None = None,
) -> optax.OptState:
    """Turn the state of a PyTorch Adam, AdamW, SGD or RMSprop into that of its namesake here.

    A run moves over in the middle by

    .. code-block:: python

        optimizer = compat.torch.adamw(lr=schedule, weight_decay=0.1)  # As in PyTorch.
        opt_state = compat.torch.import_state(torch_optimizer.state_dict(), params)

    The optimizer must be made with the options of PyTorch's parameter groups, only ``lr`` may be
    another number or a schedule.

    Args:
        state_dict: What PyTorch's ``optimizer.state_dict()`` returns, with tensors or with arrays.
        params: Our parameters, whose leaves are those of PyTorch in the same order. The leaves
            of a dictionary are ordered by key, in JAX: ``bias`` before ``kernel``.
        names: The paths of our leaves in PyTorch's order, as ``"encoder/0/kernel"``, where that is
            another than the order of the leaves.
        convert: Maps the path of a leaf and an array of PyTorch's shape to one of ours. The kernel
            of a dense layer is transposed, for one: ``lambda path, x: x.T``.
        step: The step at which schedules go on; ``None`` for the number of updates that PyTorch
            counted, for SGD, which counts none, 0.

    Returns:
        The state.

    Raises:
        ValueError: If the state is of another optimizer, its groups have different options, or the
            number or the shapes of parameters differ.
    """
    groups = list(state_dict["param_groups"])
    name, options = _options(groups)
    make, _ = _OPTIMIZERS[name]
    start = make(**options).init(params)
    indices = [index for group in groups for index in group["params"]]
    leaves = jax.tree_util.tree_leaves_with_path(params)
    paths = [path_of(path) for path, _ in leaves]
    torch_state = state_dict["state"]
    _check_number(indices, paths)
    index_of = dict(zip(_ordered(paths, names), indices, strict=True))
    if not torch_state:  # No step was taken, or nothing is remembered.
        return _fill(start, {}, step or 0, None)
    missing = [path for path in paths if index_of[path] not in torch_state]
    if missing:
        raise ValueError(
            f"`state_dict` must have a state for every parameter, got none for {missing}."
        )
    steps = {int(torch_state[i]["step"]) for i in indices if "step" in torch_state[i]}
    if len(steps) > 1:
        raise ValueError(
            f"`state_dict` must count as many steps for all parameters, got {sorted(steps)}."
        )
    count = max(steps, default=1)

    def read(key):
        read_leaves = [
            _array(torch_state[index_of[path]][key], path, jnp.shape(leaf), convert)
            for path, (_, leaf) in zip(paths, leaves, strict=True)
        ]
        return jax.tree.unflatten(jax.tree.structure(params), read_leaves)

    known = {key for key, value in torch_state[indices[0]].items() if value is not None}
    values = {key: read(key) for key in _KEYS & known}
    schedules_at = step if step is not None else max(steps, default=0)
    return _fill(start, values, schedules_at, count)


_KEYS = {"exp_avg", "exp_avg_sq", "max_exp_avg_sq", "momentum_buffer", "square_avg", "grad_avg"}


def _options(groups):
    """Return the name of the optimizer and the options of ours, all groups alike."""
    keys = set(groups[0])
    names = [
        name
        for name, (_, own) in _OPTIMIZERS.items()
        if keys >= {*own, "lr"} and not keys & _OTHERS
    ]
    if len(names) != 1:
        raise ValueError(
            "`state_dict` must be that of an Adam, AdamW, SGD or RMSprop, got parameter groups "
            f"with {sorted(keys)}."
        )
    own = (*_OPTIMIZERS[names[0]][1], "maximize", "decoupled_weight_decay")
    options = [{key: _plain(group[key]) for key in own if key in group} for group in groups]
    if any(other != options[0] for other in options):
        raise ValueError(
            "`state_dict` must have the same options in all parameter groups, got "
            f"{options!r}: import each group with its own optimizer."
        )
    found = options[0]
    if names[0] == "Adam" and "decoupled_weight_decay" not in found and found["weight_decay"]:
        raise ValueError(
            "`state_dict` must say `decoupled_weight_decay` in its parameter groups, got an older "
            "one without: set it to True for AdamW, to False for Adam."
        )
    return names[0], found | {"lr": _plain(groups[0]["lr"])}


def _plain(value):
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    return value if isinstance(value, bool | int | float) else float(value)


def _check_number(indices, paths):
    if len(indices) != len(paths):
        raise ValueError(
            f"`params` must have as many leaves as PyTorch has parameters, {len(indices)}, got "
            f"{len(paths)}: {paths}."
        )


def _ordered(paths, names):
    if names is None:
        return paths
    if sorted(names) != sorted(paths):
        raise ValueError(f"`names` must be the paths {sorted(paths)}, got {list(names)!r}.")
    return list(names)


def _array(value, path, shape, convert):
    if hasattr(value, "detach"):  # A tensor; NumPy has no bfloat16, so that it is read as float32.
        value = value.detach().cpu()
        value = (value.float() if "bfloat16" in str(value.dtype) else value).numpy()
    value = np.asarray(value)
    value = value if convert is None else np.asarray(convert(path, value))
    if value.shape != shape:
        raise ValueError(
            f"`state_dict` must have the shape {shape} for the parameter {path!r}, got "
            f"{value.shape}: is the order right (`names`), must it be transposed (`convert`)?"
        )
    return value


def _fill(node, values, step, count):
    """Return the state ``node`` with what PyTorch remembered in its place."""

    def stored(old, key):
        if key not in values:
            return old

        def copied(o, new):
            if np.iscomplexobj(new) and not jnp.iscomplexobj(o):  # Kept in pairs here.
                new = np.stack([new.real, new.imag], axis=-1)
            return jnp.array(new, o.dtype)  # PyTorch overwrites its own memory at its next step.

        return jax.tree.map(copied, old, values[key])

    def counted(number):
        return jnp.asarray(number, jnp.int32)

    if isinstance(node, QuotientState):
        above = {"mean": values["exp_avg"]} if "exp_avg" in values else {}
        second = values.get("exp_avg_sq", values.get("square_avg"))
        below = values | ({"mean": second} if second is not None else {})
        return QuotientState(
            _fill(node.numerator, above, step, count), _fill(node.denominator, below, step, count)
        )
    if isinstance(node, AverageState):
        return AverageState(stored(node.mean, "mean"))
    if isinstance(node, RunningMaxState):
        return RunningMaxState(stored(node.max, "max_exp_avg_sq"))
    if isinstance(node, RunningVarianceState) and "grad_avg" in values:
        variance = jax.tree.map(
            lambda v, m: np.maximum(v - m * m, 0), values["square_avg"], values["grad_avg"]
        )
        values = {"mean": values["grad_avg"], "variance": variance}
        return RunningVarianceState(stored(node.mean, "mean"), stored(node.variance, "variance"))
    if isinstance(node, MomentumState):
        return MomentumState(stored(node.trace, "momentum_buffer"))
    if isinstance(node, DampenedMomentumState):
        return DampenedMomentumState(counted(count or 0), stored(node.trace, "momentum_buffer"))
    if isinstance(node, CorrectBiasState):
        return CorrectBiasState(counted(count or 0))
    if isinstance(node, ScaleByLearningRateState):
        return node._replace(count=counted(step))
    if type(node) is tuple:
        return tuple(_fill(part, values, step, count) for part in node)
    return node
