"""Make the runs of a comparison that are missing, and read what all of them left behind."""

import itertools
from collections.abc import Callable
from pathlib import Path

import jax

from ae_optax.lab.comparison._result import Result, read_run
from ae_optax.lab.config import ComparisonConfig, Contender
from ae_optax.lab.data import Dataset
from ae_optax.lab.models import Model
from ae_optax.lab.sweeps import Executor, Job, Outcome, complete, folder_of, read_record
from ae_optax.lab.training import init_state


def compare(
    config: ComparisonConfig,
    model: Model,
    data: Dataset,
    runs: Path,
    execute: Executor,
    *,
    on_outcome: Callable[[Contender, Outcome], None] = lambda *_: None,
) -> list[Result]:
    """Train contenders x settings x seeds on one problem.

    Runs that are there already, of this comparison, another or a sweep, are taken as they are. A
    contender that cannot be built or run, and a run that diverges, take nothing else with them.

    Args:
        config: What is compared.
        model: What its model is.
        data: What its data are.
        runs: The folder below which every run has, or gets, its own.
        execute: What makes the missing ones.
        on_outcome: Called with each outcome as soon as it is known.

    Returns:
        One result for each contender, in their order.
    """
    jobs, whose = [], {}
    for contender in config.contenders:
        for setting, seed in itertools.product(contender.settings, config.seeds):
            jobs.append(Job(config.run(setting, seed), contender.swept()))
            whose[id(jobs[-1])] = contender

    def tell(outcome):
        on_outcome(whose[id(outcome.job)], outcome)

    failures = complete(jobs, runs, execute, on_outcome=tell)
    return [_result(config, c, runs, failures, model, data) for c in config.contenders]


def _result(config, contender, runs, failures, model, data):
    made, compiled, label = [], set(), contender.label
    for (position, setting), seed in itertools.product(enumerate(contender.settings), config.seeds):
        folder = folder_of(config.run(setting, seed), runs)
        record = read_record(folder)
        if record is None:
            reason = failures.get(folder.name, "a run left no record")
            return Result(label, contender.learning_rates, [], 0.0, 0, reason)
        compiled.add(record.summary["compile_seconds"])
        run = read_run(
            record,
            epochs=config.training.epochs,
            setting=position,
            learning_rate=setting.learning_rate,
            values=setting.values,
            seed=seed,
        )
        made.append(run)
    optimizer = contender.settings[0].optimizer.build()
    size = _state_bytes(model, optimizer, data.train[:1])
    return Result(label, contender.learning_rates, made, sum(compiled), size, None)


def _state_bytes(model, optimizer, images):
    state = jax.eval_shape(lambda images: init_state(model, optimizer, images, 0), images)
    leaves = jax.tree.leaves(state.opt_state)
    return sum(leaf.size * leaf.dtype.itemsize for leaf in leaves)
