"""Which last states stay of many runs: those of the chosen ones, as a run alone leaves them."""

import shutil

import chex
import numpy as np
import pytest

from ae_optax.lab import load, runs, training
from ae_optax.lab.plans import load_sweep, make_task
from ae_optax.lab.sweeps import Job, Keeper, Outcome, complete, folder_of, in_process, kept_of

TEXT = """\
data: {name: digits, validation: 100, test: 100}
model: {name: mlp_autoencoder, hidden: [4], code: 2, output: linear}
loss: {name: mse}
optimizer: {name: adam, learning_rate: 1e-3}
training: {epochs: 2, batch_size: 256}
sweep: {over: {optimizer.learning_rate: [1e-4, 1e-2, 1e9, 1e-3]}, seeds: 2}
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return jobs, setting after setting, and the folder of their runs, with their outcomes."""
    folder = tmp_path_factory.mktemp("keeping")
    (folder / "x.yaml").write_text(TEXT)
    config = load_sweep(folder / "x.yaml")
    swept = tuple(config.trials[0].values)
    jobs = [Job(t.run(seed), swept, keep=True) for t in config.trials for seed in config.seeds]
    outcomes = {}
    failures = complete(
        jobs, folder, in_process(), on_outcome=lambda o: outcomes.update({jobs.index(o.job): o})
    )
    assert not failures
    return jobs, folder, [outcomes[i] for i in range(len(jobs))]


def kept(jobs, folder):
    return [
        i for i, job in enumerate(jobs) if (folder_of(job.config, folder) / "checkpoints").exists()
    ]


@pytest.fixture
def fresh(made):
    """Return the same with no state on the disk."""
    yield made
    jobs, folder, _ = made
    for job in jobs:
        shutil.rmtree(folder_of(job.config, folder) / "checkpoints", ignore_errors=True)


def test_the_best_run_of_the_best_setting_so_far_is_on_the_disk(fresh):
    jobs, folder, outcomes = fresh
    keeper = Keeper("best", folder, 2)
    on_disk = []
    for outcome in outcomes:
        keeper.take(outcome)
        on_disk.append(kept(jobs, folder))
    losses = [runs.read_run(folder_of(j.config, folder)).summary.loss("validation") for j in jobs]
    first, best = int(np.argmin(losses[:2])), 2 + int(np.argmin(losses[2:4]))
    assert on_disk == [[], [first], [first], *[[best]] * 5]
    assert (
        kept_of([folder_of(job.config, folder) for job in jobs[2:4]])
        == folder_of(jobs[best].config, folder).name
    )


def test_what_is_kept_is_what_training_alone_ends_in_and_is_gone_on_from(fresh):
    jobs, folder, outcomes = fresh
    Keeper("all", folder, 2).take(outcomes[3])
    run, config = load(folder_of(jobs[3].config, folder)), jobs[3].config
    task = make_task(config)
    alone = training.fit(task, config.optimizer.build(), config.training)
    # One compiled program is not the other: they agree to rounding.
    chex.assert_trees_all_close(run.state.params, alone.state.params, rtol=1e-3, atol=1e-5)
    chex.assert_trees_all_close(run.optimizer_state, alone.state.opt_state, rtol=1e-3, atol=1e-5)
    assert len(run.rows) == 2
    longer = training.fit(task, config.optimizer.build(), training.Settings(3, 256, seed=1))
    longest = run.continue_(epochs=3).rows
    assert longest[-1].test_loss == pytest.approx(longer.rows[-1].test_loss, rel=1e-3)


def test_nothing_is_kept_of_what_diverged_or_is_not_wanted(fresh):
    jobs, folder, outcomes = fresh
    assert [outcome.state is None for outcome in outcomes] == [i in (4, 5) for i in range(8)]
    keepers = Keeper("none", folder, 2), Keeper("best", folder, 3)
    for keeper in keepers:  # Of the second, no setting is complete.
        for outcome in outcomes:
            keeper.take(outcome)
    assert kept(jobs, folder) == []
    unwanted = [jobs[0]._replace(keep=False)]
    (outcome,) = in_process()(unwanted, folder)
    assert outcome.state is None


def test_a_state_that_lies_on_the_disk_stays_only_if_it_is_the_chosen_one(fresh):
    jobs, folder, outcomes = fresh
    everything = Keeper("all", folder, 2)
    for outcome in outcomes[:4]:
        everything.take(outcome)
    places = [folder_of(job.config, folder) / "checkpoints" for job in jobs]
    keeper = Keeper("best", folder, 2)
    for outcome, place in zip(outcomes[:4], places, strict=False):
        keeper.take(outcome._replace(state=place))
    (only,) = kept(jobs, folder)
    assert only in (2, 3)


@pytest.mark.parametrize("keep", ["best", "all"])
def test_a_wanted_run_that_left_a_record_only_is_made_again(fresh, keep):
    jobs, folder, outcomes = fresh
    told = []
    keeper = Keeper(keep, folder, 2, on_note=told.append)
    for outcome in outcomes:
        keeper.take(outcome._replace(state=None))
    keeper.finish(in_process())
    losses = [runs.read_run(folder_of(j.config, folder)).summary.loss("validation") for j in jobs]
    best = 2 + int(np.argmin(losses[2:4]))
    wanted = [best] if keep == "best" else [0, 1, 2, 3, 6, 7]
    assert kept(jobs, folder) == wanted
    assert [line.endswith("was made again, to keep its weights.") for line in told] == [
        True for _ in wanted
    ]
    keeper.finish(in_process())
    assert len(told) == len(wanted)


def test_a_wanted_run_that_cannot_be_made_again_is_told(fresh):
    jobs, folder, outcomes = fresh
    told = []
    keeper = Keeper("best", folder, 2, on_note=told.append)
    for outcome in outcomes[:2]:
        keeper.take(outcome._replace(state=None))
    keeper.finish(lambda lacking, _: [Outcome(job, "out of memory") for job in lacking])
    (line,) = told
    assert line.endswith("could not be made again, to keep its weights: out of memory")
    assert kept(jobs, folder) == []
