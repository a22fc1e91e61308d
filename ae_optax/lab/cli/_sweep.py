"""``ae-optax sweep``."""

import argparse
import contextlib
import json
import time
from typing import Any

from rich.table import Table
from rich.text import Text

from ae_optax.lab import report, runs, sweeps, training
from ae_optax.lab.cli._exit import DIVERGED, FAILED, OK, UsageError
from ae_optax.lab.cli._folder import make_shared_folder, name_of, one_line
from ae_optax.lab.cli._machine import check_device, use_compilation_cache
from ae_optax.lab.cli._progress import progress
from ae_optax.lab.cli._task import build, check_optimizer, make_executor, make_optimizer, read
from ae_optax.lab.cli._terminal import attempt, say, show, warn
from ae_optax.lab.config import ConfigError, dump
from ae_optax.lab.plans import SweepConfig, load_sweep

N_SHOWN = 10


def sweep(arguments: argparse.Namespace) -> int:
    """Make the runs of a sweep that are missing below ``out``; return the exit code."""
    use_compilation_cache()
    check_device()
    started = time.perf_counter()
    path, out = arguments.config, arguments.out
    config = read(load_sweep, path, arguments.overrides)
    study = _make_study(config)
    first = config.trials[0].config
    data_of = sweeps.build_once()
    execute = make_executor(arguments.executor, arguments.jobs, data_of)
    task = build(first)
    optimizer = make_optimizer(first.timed(task.data.sizes["train"]).optimizer)
    check_optimizer(task, optimizer)
    warn(training.lint_run(task, optimizer, first.training))
    folder = make_shared_folder(out / f"{name_of(path)}-{runs.run_id(config.identity())}")
    # Of two equal sweeps, the second waits, and finds all that the first has made.
    lock = runs.lock(folder, on_wait=lambda owner: warn([f"{owner}, for which this one waits."]))
    with contextlib.ExitStack() as stack:
        with one_line():
            stack.enter_context(lock)
        return _sweep(arguments, config, study, folder, execute, data_of, started)


def _sweep(arguments, config, study, folder, execute, data_of, started):
    out = arguments.out
    with one_line():
        for own in config.code():
            runs.write_file(folder / own.file, own.source)
        runs.write_file(folder / runs.CONFIG, dump(config))

    trials = config.search.count if config.search else len(config.trials)
    with progress(trials * len(config.seeds), "runs") as advance:
        keeper = sweeps.Keeper(
            config.keep, out, len(config.seeds), on_note=lambda note: warn([note])
        )

        def on_outcome(outcome):
            keeper.take(outcome)
            name = sweeps.folder_of(outcome.job.config, out).name
            note = None if outcome.failure is None else f"run {name}: {outcome.failure}"
            advance(name, note=note)

        told: Any = {
            "data_of": data_of,
            "on_outcome": on_outcome,
            "on_note": lambda note: warn([note]),
        }
        if study is None:
            swept = tuple(config.trials[0].values)
            keep = config.keep != "none"
            jobs = [
                sweeps.Job(t.run(seed), swept, keep) for t in config.trials for seed in config.seeds
            ]
            failures = sweeps.complete(jobs, out, execute, **told)
        else:
            try:
                config, failures = sweeps.search(config, study, out, execute, **told)
            except ConfigError as error:
                raise UsageError(str(error)) from error
            finally:
                with one_line():
                    runs.write_file(folder / "optuna.journal", sweeps.journal_of(study))

    keeper.finish(execute)
    record = sweeps.sweep_record(config, out, failures)
    show(_table(record))
    table = folder / "table.csv"
    with one_line():
        runs.write_sweep(folder, record)
        runs.write_file(table, sweeps.sweep_table(record))
    warn(
        f"{path}: the best value is the {edge} tried. Try some beyond it."
        for path, edge in record.edges.items()
    )
    seconds = time.perf_counter() - started
    n_runs = len(config.trials) * len(config.seeds)
    say(f"{n_runs} runs, {len(failures)} failed, in {seconds:.1f} s. Table: {table}")
    if record.kept:
        say(f"The weights of the best: {out / record.kept}")
    page = attempt("the report", lambda: report.write_sweep_report(folder))
    if page is not None:
        say(f"Report: {page}")
    if failures:
        return FAILED
    lost = all(run.status == "diverged" for trial in record.trials for run in trial.runs)
    return DIVERGED if lost else OK


def _make_study(config: SweepConfig) -> Any:
    """Return what chooses the trials, or ``None`` if they are known; it may not be installed."""
    try:
        return config.search and sweeps.make_study(config.search)
    except ModuleNotFoundError as error:
        raise UsageError(str(error)) from error


def _table(record: runs.SweepRecord) -> Table:
    """Return the best trials as a table for the terminal."""
    trials = record.trials
    shown = f"the best {N_SHOWN} of {len(trials)}" if len(trials) > N_SHOWN else "best first"
    table = Table(title=f"Trials, {shown}: medians over seeds, by {_words(record.criterion)}")
    paths = list(trials[0].values)
    last = [path.rpartition(".")[2] for path in paths]
    for path, name in zip(paths, last, strict=True):
        table.add_column(Text(name if last.count(name) == 1 else path))
    for name in ("train", "validation", "test", "runs done"):
        table.add_column(name, justify="right")
    for trial in trials[:N_SHOWN]:
        values = map(_value, trial.values.values())
        losses = map(_number, (trial.train_loss, trial.validation_loss, trial.test_loss))
        done = sum(run.status not in ("diverged", "failed") for run in trial.runs)
        # `Text`, as a value may hold what rich takes for markup.
        table.add_row(*map(Text, (*values, *losses, f"{done} of {len(trial.runs)}")))
    return table


def _words(criterion):
    return criterion.replace("_", " ")


def _value(value):
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) else json.dumps(value)


def _number(value):
    return "–" if value is None else f"{value:.5f}"
