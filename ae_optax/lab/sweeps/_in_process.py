"""Runs made in this process: those that differ in numbers and seeds only, by one program."""

import functools
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax

from ae_optax.lab import training
from ae_optax.lab._environment import device, now, numerics, versions
from ae_optax.lab._workers import make_pool
from ae_optax.lab.data import Dataset, describe_data
from ae_optax.lab.models import count_parameters
from ae_optax.lab.plans import make_task
from ae_optax.lab.runs import Summary
from ae_optax.lab.sweeps._job import Executor, Job, Outcome
from ae_optax.lab.sweeps._lanes import Compiled, Devices, Lanes, fitting
from ae_optax.lab.sweeps._program import Program, compile_program, compile_start, traceable
from ae_optax.lab.sweeps._store import DataOf, build_once, folder_of, keep, rows_of


def in_process(
    *,
    lanes: int | None = None,
    threads: int | None = None,
    devices: Devices | None = None,
    command: str = "",
    data_of: DataOf | None = None,
) -> Executor:
    """Make the executor that trains in this process.

    Jobs that differ only in swept numbers of the optimizer and in seeds share one compiled
    program, which is kept for later calls. What comes out does not depend on which of them are
    done together, nor on the number of devices. They are done in their order: programs that take
    turns in it are all compiled before the first of them runs, so that no time holds a compilation.

    Args:
        lanes: How many runs each device makes side by side, vectorised: the same as one after the
            other to rounding. ``None``: one on a CPU, where there is nothing to gain, else as many
            as keep it busy and half of its free memory holds.
        threads: How many such portions the host has under way at once, which changes no number.
            ``None``: as many as there are cores where they are one device, else one.
        devices: Each makes runs of its own; all there are by default.
        command: What was typed, for the records.
        data_of: Gives the data of a run; they are built from its config by default, once.

    Returns:
        The executor.
    """
    groups: dict[tuple[str, str, int], _Group] = {}
    prepared: dict[tuple[str, str, int], _Prepared] = {}
    placed: dict[str, training.Images] = {}

    def group_of(job: Job, data: Dataset, several: Lanes) -> _Group:
        images = data.fingerprint
        task, rest = (job.task(), images, several.each), (job.rest(), images, several.each)
        if images not in placed:
            placed[images] = several.images(data)
        if task not in prepared:
            prepared[task] = _Prepared(job, data, placed[images], several, command)
        if rest not in groups:
            groups[rest] = _Group(job, prepared[task])
        return groups[rest]

    def execute(jobs: Sequence[Job], runs: Path) -> Iterator[Outcome]:
        own = tuple(devices or jax.devices())
        cpu = own[0].platform == "cpu"
        several = Lanes(own, lanes or 1)
        at_once = threads or (_cores() if cpu and len(own) == 1 else 1)
        data, started = data_of or build_once(), now()

        def portions(alike) -> list[_Portion]:
            try:
                its, several_of_it = data(alike[0].config), several
                if lanes is None and not cpu:
                    several_of_it = Lanes(own, fitting(alike[0].config, its, own[0], len(alike)))
                group = group_of(alike[0], its, several_of_it)
            except Exception as error:
                return [_lost(alike, error)]
            return group.portions(alike, runs, started)

        for block in _blocks(jobs):
            place = {id(job): i for i, job in enumerate(block)}
            found = [one for alike in _by(Job.rest, block).values() for one in portions(alike)]
            found.sort(key=lambda portion: place[id(portion.jobs[0])])
            pool = make_pool(at_once)
            try:
                ended = [pool.submit(portion.do) for portion in found if not portion.alone]
                while ended:  # What is passed on, with its states, is not held here as well.
                    yield from ended.pop(0).result()
            finally:  # Nobody waits for what is left.
                pool.shutdown(wait=False, cancel_futures=True)
            for portion in found:
                if portion.alone:
                    yield from portion.do()

    return execute


class _Portion(NamedTuple):
    """Jobs that are done at once.

    Attributes:
        jobs: The jobs.
        do: Does them, and returns how they ended.
        alone: Whether nothing else may be under way.
    """

    jobs: Sequence[Job]
    do: Callable[[], Sequence[Outcome]]
    alone: bool = False


def _blocks(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """Divide jobs, in their order, into the shortest blocks that hold all that are alike."""
    kinds = [job.rest() for job in jobs]
    last = {kind: i for i, kind in enumerate(kinds)}
    block, end = [], 0
    for i, (job, kind) in enumerate(zip(jobs, kinds, strict=True)):
        block.append(job)
        end = max(end, last[kind])
        if i == end:
            yield block
            block = []


class _Prepared:
    """A task with its images on the devices, and what runs of all optimizers start from."""

    def __init__(
        self, job: Job, data: Dataset, images: training.Images, lanes: Lanes, command: str
    ):
        self.task = make_task(job.config, data)
        self.images, self.lanes = images, lanes
        self.begun = Summary(
            status="running",
            command=command,
            versions=versions(),
            device=device(),
            numerics=numerics(),
            data=describe_data(data),
            parameters=count_parameters(self.task.model, data.first(1)),
        )

    @functools.cached_property
    def start(self) -> Compiled:
        """Compiled when a program first needs it."""
        return compile_start(self.task, self.images, self.lanes)


class _Group:
    """Jobs that differ in swept numbers and seeds only, and their programs."""

    def __init__(self, job: Job, prepared: _Prepared):
        self.prepared, self.task, self.lanes = prepared, prepared.task, prepared.lanes
        training.check_trainable(self.task.data, job.config.training)
        optimizer = job.config.timed(self.task.data.sizes["train"]).optimizer
        self.paths = traceable(self.task.model, optimizer, job.numbers(), prepared.images.train)
        self.programs: dict[tuple[float, ...], Program] = {}

    def portions(self, jobs, runs, started) -> list[_Portion]:
        """Return how jobs of this group are done; numbers that must be known divide them."""
        if not (self.task.data.in_memory and _is_one_program(jobs[0].config.training)):
            # No programs: done as `ae-optax train` does.
            return [
                _portion([job], lambda job=job: [self.fit(job, runs, started)], alone=True)
                for job in jobs
            ]
        found, width = [], self.lanes.width
        for known, alike in _by(self.known, jobs).items():
            try:
                program = self.programs.get(known) or self.compile(alike[0])
                self.programs[known] = program
            except Exception as error:
                found.append(_lost(alike, error))
                continue
            for first in range(0, len(alike), width):
                batch = alike[first : first + width]
                do = functools.partial(self.run, program, batch, runs, started)
                found.append(_portion(batch, do))
        return found

    def known(self, job: Job) -> tuple[float, ...]:
        """Return the swept numbers that a program must know."""
        return tuple(x for path, x in job.numbers().items() if path not in self.paths)

    def compile(self, job: Job) -> Program:
        """Compile the program for jobs like this one."""
        images, start = self.prepared.images, self.prepared.start
        config, paths = job.config.timed(self.task.data.sizes["train"]), sorted(self.paths)
        return compile_program(self.task, config, paths, images, start, self.lanes)

    def run(self, program, jobs, runs, started) -> list[Outcome]:
        """Do as many jobs as a program does at once, and write what came out."""
        outcomes = []
        numbers = [{path: job.numbers()[path] for path in sorted(self.paths)} for job in jobs]
        clock = time.perf_counter()
        results = program(numbers, [job.config.training.seed for job in jobs], self.prepared.images)
        seconds = (time.perf_counter() - clock) / len(jobs)
        data = self.task.data
        steps = training.steps_per_epoch(data.sizes["train"], jobs[0].config.training.batch_size)
        for job, result in zip(jobs, results, strict=True):
            epochs = job.config.training.epochs
            rows = rows_of(result, steps, seconds / epochs)
            done = len(rows) == epochs and math.isfinite(rows[-1].test_loss)
            made = result.reconstructions, result.samples, result.codes
            seen = training.pictures(*made, labels=data.labels)
            summary = self.prepared.begun.ended(
                rows,
                "done" if done else "diverged",
                started=started,
                seeds=[job.config.training.seed],
                step=rows[-1].step if rows else 0,
                untrained=_floats(result.untrained),
                compile_seconds=program.run.seconds,
            )
            shown = data.values(data.evenly(training.N_SHOWN))
            pictures = {"originals": shown, **seen}
            folder = folder_of(job.config, runs)
            keep(folder, job.config, rows, pictures, summary, steps=result.steps)
            outcomes.append(Outcome(job, state=result.state if job.keep and done else None))
        return outcomes

    def fit(self, job, runs, started) -> Outcome:
        """Do a job as `ae-optax train` does, and write what came out."""
        settings = job.config.training
        optimizer = job.config.timed(self.task.data.sizes["train"]).optimizer.build()
        result = training.fit(self.task, optimizer, settings, progress=False)
        before = training.untrained(self.task, settings.seed)
        summary = self.prepared.begun.ended(
            result.rows,
            result.status,
            started=started,
            seeds=[settings.seed],
            fault=None if result.fault is None else str(result.fault),
            step=int(result.state.step),
            untrained=_floats(before),
            compile_seconds=result.compile_seconds,
        )
        pictures = training.pictures_of(self.task, result.state)
        folder, rows = folder_of(job.config, runs), result.rows
        keep(folder, job.config, rows, pictures, summary, steps=result.steps)
        kept = job.keep and result.status != "diverged"
        return Outcome(job, state=result.state if kept else None)


def _cores() -> int:
    """Return how many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # There is no such call on macOS and Windows.
        return os.cpu_count() or 1


def _is_one_program(settings: training.Settings) -> bool:
    """Tell whether a run can be one program: on one device, all epochs done, nothing restored."""
    watched = (settings.patience, settings.max_minutes, settings.mesh)
    return watched == (None, None, None) and settings.on_non_finite != "restore"


def _by(key: Callable[[Job], Any], jobs: Sequence[Job]) -> dict[Any, list[Job]]:
    """Group jobs, in the order in which they come."""
    groups: dict[Any, list[Job]] = {}
    for job in jobs:
        groups.setdefault(key(job), []).append(job)
    return groups


def _floats(measured):
    return {name: float(value) for name, value in measured.items()}


def _portion(jobs, do, *, alone=False) -> _Portion:
    """Return a portion of which an error takes no other with it."""

    def attempt():
        try:
            return do()
        except Exception as error:
            return _failed(jobs, error)

    return _Portion(jobs, attempt, alone)


def _lost(jobs, error) -> _Portion:
    """Return a portion that an error has taken with it."""
    outcomes = _failed(jobs, error)
    return _Portion(jobs, lambda: outcomes)


def _failed(jobs, error) -> list[Outcome]:
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    return [Outcome(job, reason) for job in jobs]
