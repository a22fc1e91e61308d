"""Trials that Optuna chooses, each by what came out of those before."""

import importlib
import json
import math
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ae_optax.lab.plans import Search, SweepConfig
from ae_optax.lab.sweeps._complete import complete
from ae_optax.lab.sweeps._job import Executor, Job, Outcome
from ae_optax.lab.sweeps._store import DataOf, build_once, folder_of
from ae_optax.lab.sweeps._table import sweep_record

SAMPLERS = {"tpe": "TPESampler", "random": "RandomSampler", "gp": "GPSampler"}


def make_study(search: Search) -> Any:
    """Make the study that chooses the trials of a search: new, in memory, its sampler seeded.

    Args:
        search: The search.

    Returns:
        An ``optuna.Study``.

    Raises:
        ModuleNotFoundError: If Optuna is not installed, or PyTorch, which ``gp`` needs.
    """
    optuna = _import(
        "optuna", "Optuna is not installed", "the extra, `pip install 'ae_optax[optuna]'`"
    )
    if search.section.sampler == "gp":
        _import("torch", "`sampler: gp` needs PyTorch", "it, `pip install torch`")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with _quiet():
        sampler = getattr(optuna.samplers, SAMPLERS[search.section.sampler])
        return optuna.create_study(sampler=sampler(seed=search.section.seed))


def search(
    config: SweepConfig,
    study: Any,
    runs: Path,
    execute: Executor,
    *,
    data_of: DataOf | None = None,
    on_outcome: Callable[[Outcome], None] = lambda _: None,
    on_note: Callable[[str], None] = warnings.warn,
) -> tuple[SweepConfig, dict[str, str]]:
    """Ask a study for one trial after the other, do its runs that are missing, tell what came out.

    What is told is what :func:`sweep_record` ranks trials by: the median over seeds of the last
    validation loss, infinite if too many runs diverged or failed. A search that is repeated with
    the same version of Optuna thus makes the same choices, from the records that are there. If a
    run that failed is mended, the trials after it may be others.

    Args:
        config: The sweep; it has a ``search``.
        study: From :func:`make_study`.
        runs: The folder below which each run has its own.
        execute: What does the runs of a trial.
        data_of: Gives the data of a run; as in :func:`complete`, like what follows.
        on_outcome: Called with each outcome as soon as it is known.
        on_note: Called with what there is to say of records that were there.

    Returns:
        The sweep with the trials that were found, each once, and why runs failed, by the names of
        their folders.

    Raises:
        ConfigError: If values that were chosen do not go together.
    """
    space = config.search
    assert space is not None
    distributions = {axis.path: _distribution(axis) for axis in space.axes}
    found, failures, data_of = {}, {}, data_of or build_once()
    for _ in range(space.count):
        with _quiet():
            asked = study.ask(distributions)
        trial = space.make([asked.params[axis.path] for axis in space.axes])
        trial = replace(trial, config=trial.run(config.seeds[0]))
        keep = config.keep != "none"
        jobs = [Job(trial.run(seed), tuple(trial.values), keep) for seed in config.seeds]
        for job in jobs:  # Chosen once more, what failed has another chance.
            failures.pop(folder_of(job.config, runs).name, None)
        failures |= complete(
            jobs, runs, execute, data_of=data_of, on_outcome=on_outcome, on_note=on_note
        )
        asked.set_user_attr("values", dict(trial.values))
        record = sweep_record(replace(config, trials=(trial,)), runs, failures)
        loss = getattr(record.trials[0], record.criterion)
        study.tell(asked, math.inf if loss is None else loss)
        found.setdefault(json.dumps(trial.config.identity()), trial)
    return replace(config, trials=tuple(found.values())), failures


def journal_of(study: Any) -> str:
    """Return the finished trials of a study as a journal, which viewers such as its dashboard read.

    Args:
        study: From :func:`make_study`.
    """
    optuna = importlib.import_module("optuna")
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "journal"
        file = optuna.storages.journal.JournalFileBackend(str(path))
        storage = optuna.storages.JournalStorage(file)
        copy = optuna.create_study(storage=storage, study_name="sweep")
        copy.add_trials([trial for trial in study.trials if trial.state.is_finished()])
        return path.read_text(encoding="utf-8")


def _distribution(axis):
    distributions = importlib.import_module("optuna").distributions
    if axis.range is None:  # The index, for a value may be anything.
        return distributions.CategoricalDistribution(axis.ends())
    ends, log = (axis.range.lowest, axis.range.highest), axis.range.scale == "log"
    return distributions.FloatDistribution(*ends, log=log)


def _import(name, complaint, way_out):
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(f"{complaint}: install {way_out}.") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep to ourselves that a sampler is experimental, and that infinite losses are clipped."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Clip non-finite values|.* is experimental")
        yield
