"""Training in bfloat16: the same to its digits, with parameters, losses and metrics in float32."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_optax
from ae_optax.lab import data, losses, metrics, models, training

MODEL = models.mlp_autoencoder([16], 6, output="linear")
TASK = training.Task(MODEL, losses.mse(), data.digits(), metrics=[metrics.psnr()])
MIXED = training.Precision()


def settings(precision=None):
    return training.Settings(epochs=2, batch_size=256, precision=precision)


@pytest.fixture(scope="module")
def results():
    precisions = {"float32": None, "mixed": MIXED}
    return {n: training.fit(TASK, ae_optax.adam(1e-2), settings(p)) for n, p in precisions.items()}


def test_it_agrees_with_float32_to_its_digits(results):
    exact, mixed = results["float32"].rows[-1], results["mixed"].rows[-1]
    # Eight bits of a mantissa, averaged over many pixels.
    assert mixed.test_loss == pytest.approx(exact.test_loss, rel=0.02)
    assert mixed.test_loss != exact.test_loss
    assert mixed.metrics["test_psnr"] == pytest.approx(exact.metrics["test_psnr"], rel=0.02)


def test_parameters_and_their_moments_stay_float32(results):
    state = results["mixed"].state
    leaves = jax.tree.leaves((state.params, state.opt_state))
    floats = [leaf.dtype for leaf in leaves if jnp.issubdtype(leaf.dtype, jnp.floating)]
    assert set(floats) == {jnp.dtype("float32")}
    # In bfloat16 all of these digits would be zero.
    bits = np.asarray(jax.tree.leaves(state.params)[-1]).view(np.uint32)
    assert (bits & 0xFFFF).any()


def test_a_run_as_one_function_is_the_same(results):
    run = jax.jit(training.make_run(TASK, ae_optax.adam, settings(MIXED)))
    rows = run(1e-2, 0, training.on_device(TASK.data)).rows
    assert float(rows["test_loss"][-1]) == pytest.approx(results["mixed"].rows[-1].test_loss, 1e-3)


@pytest.mark.parametrize("name", ["mlp_autoencoder", "variational_autoencoder"])
def test_layers_compute_in_it_and_losses_see_float32(name):
    model = training.with_precision(getattr(models, name)([5], 3), MIXED)
    x, key = jnp.ones((2, 4)), jax.random.key(0)
    params, state = model.init(key, x)

    def given_back(params):
        output, _ = model.apply(params, state, x, key, True)
        return output

    program = str(jax.make_jaxpr(given_back)(params)).splitlines()
    products = [line for line in program if " = dot_general" in line]
    assert len(products) == 4
    assert all(":bf16[" in line for line in products)
    dtypes = {leaf.dtype for leaf in jax.tree.leaves(jax.eval_shape(given_back, params))}
    assert dtypes == {jnp.dtype("float32")}
    decoded = model.decode(params, state, jnp.ones((2, 3)), (4,))
    assert decoded.dtype == jnp.float32


def test_parameters_can_be_kept_in_it_too():
    kept = training.Precision(params="bfloat16")
    optimizer = ae_optax.chain(ae_optax.adam(1e-2), ae_optax.compensate_updates())
    result = training.fit(TASK, optimizer, settings(kept))
    assert {leaf.dtype for leaf in jax.tree.leaves(result.state.params)} == {jnp.dtype("bfloat16")}
    assert result.rows[-1].test_loss < result.rows[0].test_loss


def test_other_numbers_are_refused():
    with pytest.raises(ValueError, match="`compute` must be"):
        training.Precision(compute="float16")
