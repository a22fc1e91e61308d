"""From a config's words to the things they mean, with the user's mistakes caught."""

from collections.abc import Callable
from typing import Any, TypeVar

import jax
import optax

from ae_optax.lab import sweeps, training
from ae_optax.lab._environment import command_line
from ae_optax.lab.cli._exit import UsageError
from ae_optax.lab.cli._machine import memory
from ae_optax.lab.cli._terminal import in_a_line
from ae_optax.lab.config import Call, ConfigError, Problem
from ae_optax.lab.data import DataError
from ae_optax.lab.plans import ComparisonConfig, RunConfig, Source, SweepConfig, make_task
from ae_optax.lab.training import Task
from ae_optax.transforms import evaluation_params

Config = TypeVar("Config", RunConfig, ComparisonConfig, SweepConfig)


def read(load: Callable[..., Config], path: Source, overrides: list[str]) -> Config:
    """Read a config; its mistakes become one ``UsageError``."""
    try:
        return load(path, overrides)
    except ConfigError as error:
        raise UsageError(str(error)) from error


def build(config: Any) -> Task:
    """Make data, model and loss; bad data becomes a ``UsageError``."""
    try:
        task = make_task(config)
        training.check_trainable(task.data, config.training)
    except ConfigError as error:
        raise UsageError(str(error)) from error
    except DataError as error:
        raise UsageError(config.told(error)) from error
    _check_fitting(config, task)
    _check_size(config, task)
    return task


def _check_fitting(config, task):
    """Raise a ``UsageError`` that blames a model that cannot be run, or what does not fit it."""

    def run(images):
        state = training.init_state(task.model, optax.identity(), images, 0)
        return task.model.apply(state.params, state.model_state, images, state.key, False)

    blamed = config.model
    try:
        jax.eval_shape(run, task.data.first(1, "train"))
        blamed = config.loss
        training.check_fitting(task._replace(metrics=()))
        for call, metric in zip(config.metrics, task.metrics, strict=True):
            blamed = call
            training.check_fitting(task._replace(metrics=[metric]))
    except (TypeError, ValueError) as error:  # JAX and Flax raise either for a wrong shape.
        raise UsageError(_blame(blamed, in_a_line(str(error)))) from error


def _check_size(config, task):
    """Raise a ``UsageError`` if parameters and gradient alone are more than memory holds."""
    params = jax.eval_shape(
        lambda images: training.init_state(task.model, optax.identity(), images, 0).params,
        task.data.first(1, "train"),
    )
    wanted = 2 * sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(params))
    if wanted > memory():
        raise UsageError(
            _blame(
                config.model,
                f"parameters and gradient alone need {wanted / 1e9:.4g} GB of memory, "
                f"there are {memory() / 1e9:.4g} GB.",
            )
        )


def _blame(call, message):
    file, line, column = call.where
    return str(Problem(file, line, column, call.path, message))


def make_optimizer(call: Call) -> optax.GradientTransformation:
    """Make an optimizer whose parts of the run are known; what they make impossible is told."""
    try:
        return call.build()
    except ConfigError as error:
        raise UsageError(str(error)) from error


def check_optimizer(task: Task, optimizer: optax.GradientTransformation) -> None:
    """Raise a ``UsageError`` if an optimizer does not fit the model or the data."""
    try:
        state = jax.eval_shape(
            lambda images: training.init_state(task.model, optimizer, images, 0),
            task.data.first(1, "train"),
        )
        training.check_observable(state.opt_state, task.data.sizes["validation"])
        jax.eval_shape(evaluation_params, state)
    except ValueError as error:
        raise UsageError(f"optimizer: {error}") from error


def check_mesh(config: RunConfig) -> None:
    """Raise a ``UsageError`` if there are not the devices that a run asks for."""
    try:
        training.check_devices(config.training.mesh)
    except ValueError as error:
        raise UsageError(f"training: {error}") from error


def make_executor(name: str, at_once: int, data_of: sweeps.DataOf) -> sweeps.Executor:
    """Make an executor.

    Args:
        name: ``"in-process"``, ``"subprocess"`` or ``"ray"``.
        at_once: How many processes at a time, where runs have processes of their own.
        data_of: Gives the data of a run, where this process makes it.

    Raises:
        UsageError: If it cannot be had.
    """
    try:
        if name == "subprocess":
            return sweeps.subprocesses(at_once)
        if name == "ray":
            return sweeps.ray_cluster()
    except ValueError as error:
        raise UsageError(f"--jobs: {error}") from error
    except ModuleNotFoundError as error:
        raise UsageError(str(error)) from error
    return sweeps.in_process(command=command_line(), data_of=data_of)
