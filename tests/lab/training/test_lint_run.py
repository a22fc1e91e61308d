"""Warnings about runs that work, but rarely do what was meant."""

import numpy as np
import pytest

import ae_optax as ao
from ae_optax import schedules
from ae_optax.compat import torch
from ae_optax.lab import data, losses, models, training

IMAGES = np.random.default_rng(0).uniform(size=(100, 4, 4)).astype(np.float32)
DATA = data.Dataset("tiny", data.Splits(IMAGES, IMAGES, IMAGES), source="", fingerprint="")
DICTIONARY = models.relu_dictionary(20)
SPARSE = losses.total([losses.mse(), losses.code_l1(0.1)])
# 10 epochs of 10 steps.
SETTINGS = training.Settings(epochs=10, batch_size=10)


def warnings(optimizer, loss=losses.mse()):  # noqa: B008
    return training.lint_run(training.Task(DICTIONARY, loss, DATA), optimizer, SETTINGS)


@pytest.mark.parametrize(
    ("schedule", "warning"),
    [
        (schedules.cosine_annealing(0.1, duration=100), None),
        (schedules.with_warmup(schedules.constant(0.1), duration=10), None),
        (schedules.inverse_sqrt(0.1, duration=10), None),
        (schedules.linear(0.1, end_value=0.0, duration=20), "is 0 for the last 80 % of the run"),
        (schedules.cosine_annealing(0.1, duration=1000), "stands at 98 % of its highest"),
        (schedules.step_decay(0.1, factor=0.1, period=500), "longer than the run's 100 steps"),
        (torch.polynomial_lr(0.1, 20), "is 0 for the last 80 % of the run"),
    ],
)
def test_a_schedule_is_as_long_as_the_run(schedule, warning):
    found = warnings(ao.by_path({"**/bias": ao.sgd(schedule), "**": ao.adam(schedule)}))
    assert len(found) == (warning is not None)
    assert (warning or "") in "".join(found)


@pytest.mark.parametrize(
    ("optimizer", "evaded"),
    [
        (ao.adam(0.1), True),
        (ao.adamw(0.1, weight_decay=0.1), False),
        (ao.by_path({"decoder/**": ao.chain(ao.adam(0.1), ao.retract_to_sphere(axis=0))}), False),
    ],
    ids=["adam", "adamw", "retracted"],
)
def test_a_penalty_of_codes_needs_a_decoder_that_cannot_grow(optimizer, evaded):
    assert any("code_l1 can be evaded" in w for w in warnings(optimizer, SPARSE)) == evaded
    bounded = losses.total([SPARSE, losses.l2_penalty(0.1, patterns=["decoder/**"])])
    assert not warnings(optimizer, bounded)


def test_units_that_are_renewed_need_an_optimizer_of_their_own():
    renewed = models.resample_dead(DICTIONARY, every=2, dead_after=1)
    task = training.Task(renewed, losses.mse(), DATA)
    own = ao.by_path({"encoder/*": ao.reset_units(ao.adam(0.1), axis=-1), "**": ao.adam(0.1)})
    (warning,) = training.lint_run(task, ao.adam(0.1), SETTINGS)
    assert "Put the optimizer of each kernel into reset_units" in warning
    assert not training.lint_run(task, own, SETTINGS)


@pytest.mark.parametrize(
    ("loss", "collapses"),
    [
        (losses.total([losses.mse(), losses.gaussian_kl()]), True),
        (losses.total([losses.bce_mean(), losses.gaussian_kl()]), True),
        (losses.total([losses.mse(), losses.gaussian_kl(1 / 16)]), False),
        (losses.total([losses.sse(), losses.gaussian_kl()]), False),
        (losses.negative_elbo(losses.gaussian_nll()), False),
    ],
)
def test_a_divergence_in_nats_needs_a_likelihood_beside_it(loss, collapses):
    task = training.Task(models.variational_autoencoder([], 2), loss, DATA)
    found = training.lint_run(task, ao.adam(0.1), SETTINGS)
    assert any("every unit of the code collapses" in w for w in found) == collapses


def test_a_plateau_that_would_observe_batches_is_warned_of():
    plateau = torch.reduce_lr_on_plateau(0.1)
    (warning,) = warnings(ao.chain(torch.adam(0.1), plateau))
    assert "its patience counts steps" in warning


def test_the_order_of_stages_is_looked_at_too():
    assert warnings(ao.average(0.9)) == ao.lint(ao.average(0.9)) != []
