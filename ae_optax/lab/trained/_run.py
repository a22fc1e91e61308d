"""A training run, loaded from its folder: nothing of its data is needed, no step compiled."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import optax

from ae_optax.lab import runs, training
from ae_optax.lab.checkpoints import CheckpointError, Checkpoints, Restored
from ae_optax.lab.config import ConfigError, Problem
from ae_optax.lab.data import DataError, Dataset, Scaling
from ae_optax.lab.plans import RunConfig, load_code, load_run, load_settings, make_model, make_task
from ae_optax.lab.trained._model import TrainedModel
from ae_optax.transforms import evaluation_params


@dataclass(frozen=True, repr=False)
class TrainedRun:
    """A training run as its folder tells it, with what was trained.

    Attributes:
        folder: The folder.
        config: What was run; ``config.plain()`` is what stands in ``config.yaml``. ``None`` of a
            run of a program's own objects.
        summary: How it ended, and where its numbers come from.
        rows: One for every epoch done when ``state`` was saved.
        model: The model that was trained.
        state: All that training goes on from: parameters, ``opt_state``, step.
        optimizer: The optimizer; without telemetry its state is ``optimizer_state``.
    """

    folder: Path
    config: RunConfig | None
    summary: runs.Summary
    rows: Sequence[runs.EpochRow]
    model: TrainedModel
    state: training.TrainState
    optimizer: optax.GradientTransformation
    _task: training.Task
    _settings: training.Settings
    _kept: Restored

    def __repr__(self):
        return f"TrainedRun({str(self.folder)!r}, {self.summary.status}, step {self.step})"

    @property
    def step(self) -> int:
        """Steps done."""
        return int(self.state.step)

    @property
    def optimizer_state(self) -> Any:
        """What the optimizer remembers."""
        return self.state.opt_state

    def continue_(self, data: Dataset | None = None, **changes: Any) -> training.FitResult:
        """Train on from here, and leave the folder as it is.

        Args:
            data: What the run was trained on; ``None`` to have it made as the config says, or
                taken from the task that was given.
            **changes: Of the settings, by name: ``epochs=200`` is how many there are in all, those
                done before among them. It is done on one device.

        Returns:
            What :func:`ae_optax.lab.training.fit` returns: the same as if the run had been longer
            from the beginning, unless a schedule or a setting depends on its length.

        Raises:
            ConfigError: If a function of the config refuses its arguments.
            DataError: If the data are not there, or are other ones.
            ValueError: If a setting is out of range.
        """
        settings = replace(self._settings, **({"mesh": None} | changes))
        if self.config is None:
            task = self._task if data is None else self._task._replace(data=data)
        else:
            task = make_task(replace(self.config, training=settings), data)
        before = self.summary.data
        if before is not None and before.fingerprint != task.data.fingerprint:
            raise DataError(
                f"`data` must be what {self.folder} was trained on, {before.source} with the "
                f"fingerprint {before.fingerprint[:12]}, got {task.data.source} with "
                f"{task.data.fingerprint[:12]}. `training.fit` begins anew on others."
            )
        memory = training.Memory()
        extra, rows = self._kept.extra, self._kept.rows
        memory.save(self.step, self.state, metric=None, extra=extra, rows=rows)
        saving = training.Saving(memory, every_minutes=None)
        return training.fit(task, self.optimizer, settings, saving=saving)


def load(
    folder: str | os.PathLike[str],
    *,
    step: int | None = None,
    batch_size: int = 256,
    own_code: bool = False,
    contender: str | None = None,
    task: training.Task | None = None,
    optimizer: optax.GradientTransformation | None = None,
) -> TrainedRun:
    """Load a training run, with the model that it trained.

    Neither the data are read nor a training step is compiled.

    Args:
        folder: The folder that ``ae-optax train`` has made; or a comparison's or a sweep's, of
            which it is the run whose weights were kept.
        step: The checkpoint to take; ``None`` for the last one.
        batch_size: Images at a time, for the functions of the model.
        own_code: Whether code of one's own that the config names, and a copy of which lies in the
            folder, may be run; without it such a run is refused.
        contender: Of a comparison, whose run, by its label; ``None``: that of the best.
        task: What was trained, of a run of a program's own objects, or in the place of what the
            config names; its data may be left out.
        optimizer: Likewise, the optimizer; both are given or none.

    Returns:
        The run; ``load("runs/a").model.encode(images)`` gives codes.

    Raises:
        FileNotFoundError: If there is no such run.
        DamagedError: If its summary or its log is damaged.
        ConfigError: If its config cannot be read, as by another version.
        CheckpointError: If it has kept no state, or none that is intact.
        ValueError: If ``contender`` is no contender of a comparison, or ``task`` and ``optimizer``
            are missing of a run that only they describe, or one of them is.
    """
    folder = _folder_of(Path(folder), contender)
    run = runs.read_run(folder)
    settings, config = training.recorded_settings(run.config), None
    if (task is None) != (optimizer is None) or (task is None and settings is not None):
        whose = "a run of a program's own objects" if settings is not None else "a run"
        raise ValueError(
            f"{folder} is {whose}: give both `task` and `optimizer`, "
            "`load(folder, task=..., optimizer=...)`."
        )
    about = run.summary.data
    if about is None:
        raise CheckpointError(f"{folder}: the summary must tell of the data, got an older one.")
    if task is None or optimizer is None:
        config = _config_of(folder / runs.CONFIG, own_code).timed(about.train)
        task = training.Task(make_model(config), config.loss.build())
        made: optax.GradientTransformation = config.optimizer.build()
        optimizer, settings = made, config.training
    elif settings is None:
        settings = load_settings(folder / runs.CONFIG)
        task = task._replace(model=training.with_precision(task.model, settings.precision))
    image = jnp.zeros((1, *about.shape), jnp.float32)
    template = training.state_shapes(task, optimizer, settings, image)
    identity = {"data": about.fingerprint}
    log = folder / runs.LOG
    with Checkpoints(folder / runs.CHECKPOINTS, identity=identity, log=log) as checkpoints:
        if not checkpoints.steps():
            raise CheckpointError(
                f"{folder}: has kept no state. `ae-optax train {folder / runs.CONFIG} --out DIR` "
                "makes the run again, with its states."
            )
        restored = checkpoints.restore(template, step)
    state = restored.state
    rows = [row for row in run.rows if row.step <= restored.step]
    params, shape = evaluation_params(state), tuple(about.shape)
    model = TrainedModel(
        task.model,
        task.loss,
        params,
        state.model_state,
        shape,
        scaling=Scaling.recorded(about.scaling),
        batch_size=batch_size,
    )
    its = optimizer, task, settings, restored
    return TrainedRun(folder, config, run.summary, rows, model, state, *its)


def _config_of(path: Path, own_code: bool) -> RunConfig:
    """Return the config of a run; where it names code that may not be run, say how it may."""
    names = load_code(path)
    if names and not own_code:
        reason = (
            f"names {', '.join(names)}, which is not run unless you say so: `own_code=True`, on "
            "the command line `--own-code`. Or give `task` and `optimizer`."
        )
        raise ConfigError([Problem(str(path), None, None, "code", reason)])
    return load_run(path, code=None if own_code else {})


def _folder_of(folder: Path, contender: str | None) -> Path:
    """Return the folder of the run that is meant by one of a run, a sweep or a comparison."""
    is_comparison = (folder / runs.COMPARISON).exists()
    if contender is not None and not is_comparison:
        raise ValueError(f"`contender` is of comparisons, and {folder} is none: leave it out.")
    if is_comparison:
        contenders = runs.read_comparison(folder).contenders
        best = {one.label: one.best for one in contenders if one.best is not None}
        if contender is not None and contender not in best:
            known = ", ".join(map(repr, best)) or "none has a result"
            raise ValueError(f"`contender` must be one with a result, {known}, got {contender!r}.")
        ranked = sorted(best, key=lambda label: best[label].rank.place)
        label = contender or next(iter(ranked), None)
        name = best[label].run if label is not None else ""
    elif (folder / runs.SWEEP).exists():
        name = runs.read_sweep(folder).kept
    else:
        return folder
    if not name:
        raise CheckpointError(
            f"{folder}: has kept no weights. Say `keep: best` in its config, and give its command "
            "again: the best run alone is made anew."
        )
    return runs.beside(folder, name)
