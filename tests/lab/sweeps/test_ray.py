"""Runs on a Ray cluster; without Ray, a message that says how to get it."""

import sys

import pytest

from ae_optax.lab import runs
from ae_optax.lab.plans import load_sweep
from ae_optax.lab.sweeps import Job, complete, folder_of, in_process, ray_cluster

TEXT = """\
data: {name: digits}
model: {name: mlp_autoencoder, hidden: [8], code: 4}
loss: {name: mse}
optimizer: {name: adam, learning_rate: 1e-2}
training: {epochs: 1, batch_size: 256}
sweep:
  over: {optimizer.learning_rate: [1e-3, 1e-2], training.batch_size: [256, 5000]}
"""


def test_ray_is_asked_for_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'ae_optax\[ray\]'"):
        ray_cluster()


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_jobs_are_done_by_a_cluster(tmp_path):
    ray = pytest.importorskip("ray")
    (tmp_path / "x.yaml").write_text(TEXT)
    config = load_sweep(tmp_path / "x.yaml")
    jobs = [Job(t.config, tuple(t.values), keep=i == 0) for i, t in enumerate(config.trials)]
    try:
        failures = complete(jobs, tmp_path / "runs", ray_cluster(num_cpus=1))
        assert complete(jobs[:1], tmp_path / "runs", lambda *_: pytest.fail("done twice")) == {}
    finally:
        ray.shutdown()
    assert len(failures) == 2
    assert all("`batch_size` must be at most" in reason for reason in failures.values())
    done = [job for job in jobs if job.config.training.batch_size == 256]
    complete(done, tmp_path / "here", in_process())
    for job in done:
        there, here = (runs.find_run(folder_of(job.config, tmp_path / n)) for n in ("runs", "here"))
        assert (there.folder / "checkpoints").exists() == job.keep
        assert there.summary.loss("test") == pytest.approx(here.summary.loss("test"), rel=1e-5)
