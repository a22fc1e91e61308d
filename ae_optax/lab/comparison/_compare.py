"""Make the runs of a comparison that are missing, and read what all of them left behind."""

import itertools
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from warnings import warn

import jax

from ae_optax.lab.comparison._result import Result, contender_run
from ae_optax.lab.plans import ComparisonConfig, Contender, Setting
from ae_optax.lab.runs import find_run
from ae_optax.lab.sweeps import Executor, Job, Keeper, Outcome, complete, folder_of
from ae_optax.lab.training import Task, init_state


def compare(
    config: ComparisonConfig,
    task: Task,
    runs: Path,
    execute: Executor,
    *,
    on_outcome: Callable[[Contender, Outcome], None] = lambda *_: None,
    on_note: Callable[[str], None] = warn,
) -> list[Result]:
    """Train contenders x settings x seeds on one problem.

    Runs that are there already, of this comparison, another or a sweep, are taken if they
    would be the same today. Contenders take turns, so that what else the machine does meets all of
    them alike. A contender that cannot be built or run, and a run that diverges, take nothing else
    with them.

    Args:
        config: What is compared.
        task: What it sets its contenders to solve.
        runs: The folder below which every run has, or gets, its own.
        execute: What makes the missing ones.
        on_outcome: Called with each outcome as soon as it is known.
        on_note: Called with what there is to say of runs that were there; see
            :func:`ae_optax.lab.sweeps.complete`.

    Returns:
        One result for each contender, in their order.
    """
    jobs, whose = [], {}
    for contender, setting, seed in _in_turn(config):
        job = Job(config.run(setting, seed), contender.swept(), config.keep != "none")
        jobs.append(job)
        whose[id(job)] = contender

    keeper = Keeper(config.keep, runs, len(config.seeds), on_note=on_note)

    def tell(outcome):
        keeper.take(outcome, whose[id(outcome.job)].label)
        on_outcome(whose[id(outcome.job)], outcome)

    failures = complete(
        jobs, runs, execute, data_of=lambda _: task.data, on_outcome=tell, on_note=on_note
    )
    keeper.finish(execute)
    return [_result(config, c, runs, failures, task) for c in config.contenders]


def _in_turn(config: ComparisonConfig) -> Iterator[tuple[Contender, Setting, int]]:
    """Yield the runs, one of each contender in every round, and in every round in another order."""
    runs = (
        [(c, *run) for run in itertools.product(c.settings, config.seeds)]
        for c in config.contenders
    )
    for number, some in enumerate(itertools.zip_longest(*runs)):
        present = [run for run in some if run is not None]
        yield from random.Random(number).sample(present, len(present))


def _result(config, contender, runs, failures, task):
    made, folders, compiled = [], [], set()
    about = contender.label, contender.optimizer.plain(), contender.learning_rates
    for (position, setting), seed in itertools.product(enumerate(contender.settings), config.seeds):
        folder = folder_of(config.run(setting, seed), runs)
        found = find_run(folder)
        if found is None:
            reason = failures.get(folder.name, "a run left no record")
            return Result(*about, [], [], 0.0, 0, reason)
        compiled.add(found.summary.compile_seconds)
        folders.append(folder)
        run = contender_run(
            found,
            epochs=config.training.epochs,
            setting=position,
            learning_rate=setting.learning_rate,
            values=setting.values,
            seed=seed,
        )
        made.append(run)
    size = _state_bytes(task, config.run(contender.settings[0], 0).timed(task.data.sizes["train"]))
    return Result(*about, made, folders, sum(compiled), size, None)


def _state_bytes(task, config):
    optimizer = config.optimizer.build()
    images = task.data.first(1, "train")
    state = jax.eval_shape(lambda images: init_state(task.model, optimizer, images, 0), images)
    leaves = jax.tree.leaves(state.opt_state)
    return sum(leaf.size * leaf.dtype.itemsize for leaf in leaves)
