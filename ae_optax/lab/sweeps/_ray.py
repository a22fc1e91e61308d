"""Runs made by the machines of a Ray cluster."""

import importlib
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ae_optax.lab._environment import variables
from ae_optax.lab.config import dump
from ae_optax.lab.runs import CHECKPOINTS, CONFIG, find_run
from ae_optax.lab.sweeps._job import Executor, Job, Outcome
from ae_optax.lab.sweeps._store import folder_of
from ae_optax.lab.sweeps._subprocesses import TRAIN, Children, train_alone


def ray_cluster(*, address: str | None = None, **resources: Any) -> Executor:
    """Make the executor that gives every job to a Ray cluster.

    The machines need this package and the data; the record of a run is sent back, and its states
    if they are wanted, so that they need no folder in common. A job whose worker is lost is given
    to another.

    Args:
        address: Of the cluster; ``None`` for the one of the environment, or this machine alone.
        **resources: What a job needs, ``num_cpus=2`` for instance; a GPU, ``num_gpus=1``, where
            the cluster has any.

    Returns:
        The executor.

    Raises:
        ModuleNotFoundError: If Ray is not installed.
    """
    try:
        ray: Any = importlib.import_module("ray")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "Ray is not installed: install the extra, `pip install 'ae_optax[ray]'`."
        ) from error

    def execute(jobs: Sequence[Job], runs: Path) -> Iterator[Outcome]:
        if not ray.is_initialized():
            ray.init(address=address, log_to_driver=False)
        wanted = resources
        if "num_gpus" not in resources and ray.cluster_resources().get("GPU"):
            wanted = resources | {"num_gpus": 1}  # Ray hides the GPUs that nobody asks for.
        remote = ray.remote(_run).options(**wanted)
        pending = {remote.remote(*_sent(job), variables()): job for job in jobs}
        while pending:
            (ready,), _ = ray.wait(list(pending))
            job = pending.pop(ready)
            try:
                files, failure = ray.get(ready)
            except ray.exceptions.RayError as error:
                yield Outcome(job, f"{type(error).__name__}: {error}".splitlines()[0])
                continue
            folder = folder_of(job.config, runs)
            if failure is None:
                _unpack(files, folder)
            states = folder / CHECKPOINTS
            yield Outcome(job, failure, states if job.keep and states.exists() else None)

    return execute


def _sent(job):
    return dump(job.config), {own.file: own.source for own in job.config.code()}, job.keep


def _run(
    config: str, code: Mapping[str, bytes], keep: bool, settings: Mapping[str, str]
) -> tuple[dict[str, bytes], str | None]:
    """Train on a machine of the cluster; return the files of the run, or why there are none."""
    with tempfile.TemporaryDirectory() as place:
        path, folder = Path(place) / CONFIG, Path(place) / "run"
        path.write_text(config, encoding="utf-8")
        for name, source in code.items():
            path.with_name(name).write_bytes(source)
        children = Children(settings)
        try:
            failure = train_alone(TRAIN, path, folder, children)
        finally:
            children.end()
        states = folder / CHECKPOINTS if keep else folder / "none"
        sent = [] if failure else [*folder.iterdir(), *states.rglob("*")]
        files = [path for path in sent if path.is_file()]
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}, failure


def _unpack(files, folder):
    """Write the files of a run, all at once."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as place:
        whole = Path(place) / folder.name
        whole.mkdir()
        for name, content in files.items():
            (whole / name).parent.mkdir(parents=True, exist_ok=True)
            (whole / name).write_bytes(content)
        if find_run(folder) is None:
            shutil.rmtree(folder, ignore_errors=True)
            whole.rename(folder)
