"""Runs that a study looks into: with the states in which they end, which records do not keep."""

from collections.abc import Sequence

import jax

from ae_optax.lab import training
from ae_optax.lab.data import Dataset
from ae_optax.lab.plans import RunConfig, make_task


def train_seeds(
    config: RunConfig, seeds: Sequence[int], *, data: Dataset | None = None
) -> tuple[training.Task, list[training.RunResult]]:
    """Train as a config says, once from every seed, by one program, and return all that comes out.

    Nothing is written, and nothing that was done before is found. It is for what a record lacks,
    such as the error on the training images at the end.

    Args:
        config: Of the run; its own seed is not used.
        seeds: Those to use.
        data: Its data, if they have been made before.

    Returns:
        What was trained on, and what came out of every seed, with the last state.
    """
    task = make_task(config, data)
    images = training.on_device(task.data)
    optimizer = config.timed(task.data.sizes["train"]).optimizer
    run = training.make_run(task, lambda _: optimizer.build(), config.training)
    program = jax.jit(run, static_argnums=0)
    return task, [jax.device_get(program(None, seed, images)) for seed in seeds]
