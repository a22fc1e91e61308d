"""Training in bfloat16: the same to its digits, with parameters, losses and metrics in float32."""

import chex
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import ae_optax
from ae_optax.lab import data, load, losses, metrics, models, plans, runs, sweeps, training
from ae_optax.lab.cli import main

MODEL = models.mlp_autoencoder([16], 6, output="linear")
MIXED = training.Precision()
SETTINGS = training.Settings(epochs=2, batch_size=256)
DIGITS = data.digits()


def task(precision=None, model=MODEL):
    model = training.with_precision(model, precision)
    return training.Task(model, losses.mse(), DIGITS, metrics=[metrics.psnr()])


@pytest.fixture(scope="module")
def results():
    precisions = {"float32": None, "mixed": MIXED}
    return {n: training.fit(task(p), ae_optax.adam(1e-2), SETTINGS) for n, p in precisions.items()}


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
    run = jax.jit(training.make_run(task(MIXED), ae_optax.adam, SETTINGS))
    rows = run(1e-2, 0, training.on_device(DIGITS)).rows
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


class Layers(nnx.Module):
    """Flax's layers, and an activation between them."""

    def __init__(self, rngs, **made_with):
        self.down = nnx.Conv(1, 3, (3, 3), strides=2, rngs=rngs, **made_with)
        self.up = nnx.ConvTranspose(3, 2, (3, 3), strides=(2, 2), rngs=rngs, **made_with)
        self.last = nnx.Linear(2, 1, rngs=rngs, **made_with)

    def __call__(self, x):
        return self.last(nnx.relu(self.up(nnx.relu(self.down(x[..., None])))))[..., 0]


def test_it_is_what_flax_computes_with_its_own_dtype():
    cast = training.with_precision(models.from_nnx(lambda _, rngs: Layers(rngs)), MIXED)
    own = models.from_nnx(lambda _, rngs: Layers(rngs, dtype=jnp.bfloat16))
    x, key = jax.random.normal(jax.random.key(1), (5, 8, 8)), jax.random.key(0)
    params, state = cast.init(key, x)
    chex.assert_trees_all_equal(params, own.init(key, x)[0])
    params = jax.tree.map(lambda leaf: leaf + 0.1 * jax.random.normal(key, leaf.shape), params)
    ours, _ = cast.apply(params, state, x, key, True)
    theirs, _ = own.apply(params, state, x, key, True)
    assert theirs.dtype == jnp.bfloat16
    np.testing.assert_array_equal(ours.decoded, theirs.astype(jnp.float32))


def test_all_that_is_made_of_a_config_has_it(tmp_path):
    text = """\
data: {name: digits, validation: 100, test: 100}
model: {name: mlp_autoencoder, hidden: [8], code: 4, output: linear}
loss: {name: mse}
optimizer: {name: adam, learning_rate: 1e-2}
training: {epochs: 1, batch_size: 512, precision: {params: bfloat16}}
"""
    (tmp_path / "x.yaml").write_text(text)
    assert main(["train", str(tmp_path / "x.yaml"), "--out", str(tmp_path / "trained")]) == 0
    config = plans.load_run(tmp_path / "x.yaml")
    assert [o.failure for o in sweeps.in_process()([sweeps.Job(config)], tmp_path)] == [None]
    trained = runs.read_run(tmp_path / "trained")
    swept = runs.read_run(sweeps.folder_of(config, tmp_path))
    assert dict(swept.summary.untrained) == dict(trained.summary.untrained)
    chex.assert_trees_all_equal(swept.pictures, trained.pictures)
    found = load(tmp_path / "trained").model.reconstruct(trained.pictures["originals"])
    np.testing.assert_array_equal(found, trained.pictures["reconstructions"])


def test_parameters_can_be_kept_in_it_too():
    kept = training.Precision(params="bfloat16")
    optimizer = ae_optax.chain(ae_optax.adam(1e-2), ae_optax.compensate_updates())
    result = training.fit(task(kept), optimizer, SETTINGS)
    assert {leaf.dtype for leaf in jax.tree.leaves(result.state.params)} == {jnp.dtype("bfloat16")}
    assert result.rows[-1].test_loss < result.rows[0].test_loss


def test_other_numbers_are_refused():
    with pytest.raises(ValueError, match="`compute` must be"):
        training.Precision(compute="float16")
