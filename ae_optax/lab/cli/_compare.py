"""``ae-optax compare``."""

import argparse
import time

from ae_optax.lab import comparison, report, runs, sweeps, training
from ae_optax.lab._environment import command_line, device, now, numerics, versions
from ae_optax.lab.cli._exit import DIVERGED, FAILED, OK
from ae_optax.lab.cli._folder import name_of, one_line, open_folder
from ae_optax.lab.cli._machine import check_device, use_compilation_cache
from ae_optax.lab.cli._progress import progress
from ae_optax.lab.cli._report import write_pages
from ae_optax.lab.cli._task import build, make_executor, make_optimizer, read
from ae_optax.lab.cli._terminal import attempt, say, show, warn
from ae_optax.lab.config import ConfigError
from ae_optax.lab.data import describe_data
from ae_optax.lab.models import count_parameters
from ae_optax.lab.plans import description, load_comparison

RUNS = "runs"
"""The folder of all runs."""


def compare(arguments: argparse.Namespace) -> int:
    """Compare as a config says and fill a folder with the results; return the exit code.

    Its runs are kept beside the folder: only those that are missing are made.
    """
    use_compilation_cache()
    check_device()
    started, clock = now(), time.perf_counter()
    path = arguments.config
    config = read(load_comparison, path, arguments.overrides)
    question = _question(path)
    task = build(config)
    execute = make_executor(arguments.executor, arguments.jobs, lambda _: task.data)
    with open_folder(arguments.out, path, config, load_comparison) as folder:
        return _compare(config, task, execute, path, question, folder, started, clock)


def _compare(config, task, execute, path, question, folder, started, clock):
    data, settings = task.data, config.training
    below = folder.parent if folder.parent.name == RUNS else folder.parent / RUNS

    for contender in config.timed(data.sizes["train"]).contenders:
        found = training.lint_run(task, make_optimizer(contender.settings[0].optimizer), settings)
        warn(f"{contender.label}: {text}" for text in found)

    steps = training.steps_per_epoch(data.sizes["train"], settings.batch_size)
    n_runs = sum(len(c.settings) for c in config.contenders) * len(config.seeds)
    left = {c.label: len(c.settings) * len(config.seeds) for c in config.contenders}
    with progress(n_runs, "runs") as advance:

        def on_outcome(contender, outcome):
            its = sweeps.folder_of(outcome.job.config, below)
            left[contender.label] -= 1
            line = None if left[contender.label] else f"{contender.label}: done"
            if outcome.failure is not None:
                note = f"{contender.label}, run {its.name}: {outcome.failure}"
                advance(contender.label, line=line, note=note)
                return
            summary = runs.find_summary(its)
            loss = "" if summary is None else f"  test {summary.loss('test'):.5f}"
            advance(f"{contender.label}{loss}", line=line)

        results = comparison.compare(
            config, task, below, execute, on_outcome=on_outcome, on_note=lambda note: warn([note])
        )

    seconds = time.perf_counter() - clock
    # Of a comparison that is taken up, or only reported again, all commands count.
    before = _seconds_before(folder)
    record = comparison.record(
        results,
        steps_per_epoch=steps,
        parameters=count_parameters(task.model, data.first(1)),
        target=config.target,
        data=describe_data(data),
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        seeds=list(config.seeds),
        title=name_of(path).replace("_", " "),
        question=question,
        command=command_line(),
        started=started,
        wall_seconds=before + seconds,
        versions=versions(),
        device=device(),
        numerics=numerics(),
        model=config.model.plain(),
        loss=config.loss.plain(),
        corruption=config.corruption and config.corruption.plain(),
    )
    show(report.terminal_table(record))
    say(f"{n_runs} runs in {seconds:.1f} s.")
    with one_line():
        runs.write_comparison(folder, record)
    attempt("pictures", lambda: comparison.save_pictures(folder, results))
    for contender in record.contenders:
        if contender.best and contender.best.run:
            say(f"Weights of {contender.label}: {below / contender.best.run}")
    page = attempt("the report", lambda: write_pages(folder))
    if page is None:
        return FAILED
    say(f"Report: {page}")
    if any(contender.best for contender in record.contenders):
        return OK
    return DIVERGED if any(contender.runs for contender in record.contenders) else FAILED


def _question(path):
    try:
        return description(path)
    except ConfigError:  # A pipe is read once.
        return ""


def _seconds_before(folder):
    try:
        return runs.read_comparison(folder).wall_seconds
    except (OSError, runs.DamagedError):
        return 0.0
