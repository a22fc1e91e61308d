"""Runs, sweeps and comparisons of a study: the commands a user would type, and what they leave."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ae_optax.lab import runs, training
from ae_optax.lab.checkpoints import Checkpoints
from ae_optax.lab.cli import main
from ae_optax.lab.config import Program, from_python, kinds
from ae_optax.lab.plans import Source, load_comparison, load_run, load_sweep, make_task

RUNS = Path("runs")


class Trained(NamedTuple):
    """A model that was trained.

    Attributes:
        run: What its run left.
        task: What it was trained on: data, model, loss, corruption and metrics.
        state: The state it ended in.
    """

    run: runs.Run
    task: training.Task
    state: training.TrainState


class Swept(NamedTuple):
    """A sweep that was made.

    Attributes:
        record: What it found.
        rows: Those of every run, one an epoch, by the run's name.
    """

    record: runs.SweepRecord
    rows: Mapping[str, Sequence[runs.EpochRow]]


def train(config: Source, overrides: Iterable[str] = ()) -> runs.Run:
    """Train as ``ae-optax train`` does, or find it done, and return what it left.

    Args:
        config: A YAML file; or a mapping, in which one's own functions and objects may stand for
            names, see :func:`~ae_optax.lab.config.from_python`.
        overrides: Changes such as ``optimizer.learning_rate=1e-2``.

    Raises:
        SystemExit: If that fails; it has said why. A run that diverged has not failed.
    """
    words, config = list(overrides), _fixed(config)
    folder = _folder_of(config, words)
    _call("train", config, words, folder, allowed=(0, 3))
    return runs.read_run(folder)


def train_with_state(config: Source, overrides: Iterable[str] = ()) -> Trained:
    """Train as :func:`train` does, or find it done, and return the model as it is at the end.

    Raises:
        SystemExit: If that fails; it has said why.
    """
    words, config = list(overrides), _fixed(config)
    run, resolved = train(config, words), load_run(config, words)
    task, folder = make_task(resolved), _folder_of(config, words) / runs.CHECKPOINTS
    with Checkpoints(folder, identity={"data": task.data.fingerprint}) as checkpoints:
        # Taken up where it was saved last, which is its end: not a step is done.
        optimizer = resolved.timed(task.data.sizes["train"]).optimizer.build()
        saving = training.Saving(checkpoints)
        result = training.fit(task, optimizer, resolved.training, saving=saving)
    return Trained(run, task, result.state)


def compare(config: Source, overrides: Iterable[str] = ()) -> runs.ComparisonRecord:
    """Compare as ``ae-optax compare`` does, making what is missing, and return its record.

    Args:
        config: As of :func:`train`.
        overrides: Changes.

    Raises:
        SystemExit: If that fails; it has said why.
    """
    words, config = list(overrides), _fixed(config)
    name = runs.run_id(load_comparison(config, words).identity())
    folder = RUNS / f"{_name_of(config)}-{name}"
    _call("compare", config, words, folder)
    return runs.read_comparison(folder)


def sweep(config: Source, overrides: Iterable[str] = ()) -> Swept:
    """Sweep as ``ae-optax sweep`` does, making what is missing, and return what it left.

    Args:
        config: As of :func:`train`.
        overrides: Changes.

    Raises:
        SystemExit: If that fails; it has said why.
    """
    words, config = list(overrides), _fixed(config)
    name = runs.run_id(load_sweep(config, words).identity())
    _call("sweep", config, words, RUNS)
    record = runs.read_sweep(RUNS / f"{_name_of(config)}-{name}")
    its = (run.run for trial in record.trials for run in trial.runs)
    return Swept(record, {name: runs.read_rows(RUNS / name) for name in its})


def overridden(config: Path, overrides: Iterable[str] = ()) -> dict[str, Any]:
    """Return a config of any kind in plain values, every default written."""
    words = list(overrides)
    lines = config.read_text(encoding="utf-8").splitlines()
    sections = {line.split(":")[0] for line in lines}
    loads = {"compare": load_comparison, "sweep": load_sweep}
    load = next((load for section, load in loads.items() if section in sections), load_run)
    return load(config, words).plain()


def _fixed(config: Source) -> Path | Program:
    """Return a config in which what was made has a name, the same for all who read it."""
    if isinstance(config, Mapping):
        return from_python(config, kinds())
    return config if isinstance(config, Program) else Path(config)


def _name_of(config: Path | Program) -> str:
    return "program" if isinstance(config, Program) else config.stem


def _folder_of(config, words):
    return RUNS / f"{_name_of(config)}-{runs.run_id(load_run(config, words).identity())}"


def _call(command, config, overrides, out, allowed=(0,)):
    words = [word for override in overrides for word in ("--set", override)]
    program = config if isinstance(config, Program) else None
    source = "a program" if program else str(config)
    code = main([command, source, *words, "--out", str(out)], config=program)
    if code not in allowed:
        raise SystemExit(code)
