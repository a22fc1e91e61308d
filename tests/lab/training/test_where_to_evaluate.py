"""Everything that looks at a model looks where its optimizer says."""

import chex
import jax
import numpy as np
import pytest

import ae_optax as ao
from ae_optax.lab import data, losses, models, training

TASK = training.Task(models.mlp_autoencoder([32], 8), losses.mse(), data.digits())


def averaged(learning_rate):
    return ao.chain(ao.adam(learning_rate), ao.average_params(0.99))


@pytest.mark.slow
def test_averages_turn_the_order_of_adam_and_of_schedule_free_training():
    images = training.on_device(TASK.data)
    settings = training.Settings(epochs=20, batch_size=64)
    found = {}
    for make in (ao.adam, averaged, ao.schedule_free_adamw):
        run = jax.jit(training.make_run(TASK, make, settings))
        found[make] = float(run(3e-2, 0, images).rows["test_loss"][-1])
    assert found[averaged] < 0.99 * found[ao.adam]
    assert found[ao.schedule_free_adamw] < 0.99 * found[ao.adam]


@pytest.fixture(scope="module")
def result():
    return training.fit(TASK, averaged(1e-2), training.Settings(epochs=2, batch_size=256))


def test_rows_reconstructions_and_codes_are_those_of_the_average(result):
    state = result.state
    chex.assert_trees_all_equal(result.params, state.opt_state[1].mean)
    plain = state._replace(params=result.params, opt_state=())
    test = TASK.data.test[:100]
    for make in (training.make_reconstruct, training.make_codes):
        look = jax.jit(make(TASK))
        chex.assert_trees_all_equal(look(state, test), look(plain, test))
    evaluate = jax.jit(training.make_evaluate(TASK))
    at_average = evaluate(plain, TASK.data.test)["loss"]
    at_parameters = evaluate(state._replace(opt_state=()), TASK.data.test)["loss"]
    assert result.rows[-1].test_loss == pytest.approx(float(at_average), rel=1e-6)
    assert result.rows[-1].test_loss != pytest.approx(float(at_parameters), rel=1e-3)


def test_what_cannot_say_where_to_evaluate_is_refused_before_the_first_step():
    twice = ao.chain(averaged(1e-2), ao.average_params(0.9))
    with pytest.raises(ValueError, match="must say once where to evaluate"):
        training.fit(TASK, twice, on_start=lambda _: pytest.fail("it has begun"))


def test_a_batch_that_would_make_too_many_bytes_is_evaluated_in_parts(result, monkeypatch):
    images = TASK.data.test[:100]

    def of_turns(bound):
        monkeypatch.setattr("ae_optax.lab.training._evaluate.EVALUATION_BYTES", bound)
        evaluate = training.make_evaluate(TASK)  # A new one: JAX keeps what it has traced.
        program = jax.make_jaxpr(evaluate)(result.state, images)
        scans = [e for e in program.jaxpr.eqns if e.primitive.name == "scan"]
        return jax.jit(evaluate)(result.state, images)["loss"], scans[0].params["length"]

    (whole, once), (parts, many) = of_turns(2**30), of_turns(2**16)
    assert once == 1
    assert 1 < many <= 100
    np.testing.assert_allclose(whole, parts, rtol=1e-6)
