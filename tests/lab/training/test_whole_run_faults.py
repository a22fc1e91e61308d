"""A gradient that is not finite, though its loss is, means the same to a whole run and to `fit`."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ae_optax.lab import data, losses, models, training
from ae_optax.lab.losses import Term
from ae_optax.lab.training._faults import no_faults, note_fault

STEP = 4  # Of three an epoch: in the second.


@jax.custom_vjp
def nothing(x, spoiled):
    """Return 0, with a gradient that is infinite where it is spoiled."""
    return 0 * x


nothing.defvjp(
    lambda x, spoiled: (0 * x, (jnp.ones_like(x), spoiled)),
    lambda kept, _: (jnp.where(kept[1], jnp.inf, 0.0) * kept[0], None),
)


def spoiled_mse():
    mse = losses.mse()

    def terms(seen):
        each = jnp.mean(seen.output.decoded, axis=(1, 2))
        return {**mse.terms(seen), "spoiled": Term(nothing(each, seen.step == STEP), 1.0)}

    return mse._replace(terms=terms)


def runs(reaction):
    rng = np.random.default_rng(0)
    parts = (rng.uniform(size=(n, 3, 3)).astype(np.float32) for n in (10, 4, 5))
    tiny = data.Dataset("tiny", *parts, source="memory", fingerprint="", attribution="")
    task = training.Task(models.mlp_autoencoder([6], 2), spoiled_mse(), tiny)
    settings = training.Settings(epochs=3, batch_size=4, on_non_finite=reaction)
    # What is clipped is finite again: nobody would notice later.
    optimizer = optax.chain(optax.clip(1.0), optax.sgd(0.1))
    fit = training.fit(task, optimizer, settings)
    run = training.make_run(task, lambda _: optimizer, settings)
    return fit, jax.jit(run)(jnp.float32(0), jnp.int32(0), training.on_device(tiny))


def test_a_run_that_aborts_is_lost_from_that_epoch_on():
    fit, whole = runs("abort")
    assert (fit.status, fit.fault.step, len(fit.rows)) == ("diverged", STEP, 1)
    assert int(whole.state.faults.first) == STEP
    assert whole.rows["test_loss"][0] == fit.rows[0].test_loss
    assert all(np.isnan(values[1:]).all() for values in whole.rows.values())


def test_a_run_that_skips_goes_on():
    fit, whole = runs("skip")
    assert fit.status == "done"
    np.testing.assert_array_equal(whole.rows["test_loss"], [row.test_loss for row in fit.rows])


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_the_first_fault_is_noted_wherever_it_is(value, dtype):
    tree = {"a": jnp.full((3,), jnp.finfo(dtype).max, dtype), "b": jnp.ones((2, 2), dtype)}
    loss, faults = jnp.float32(1), no_faults(tree)
    assert int(note_fault(faults, jnp.int32(7), loss, tree).first) == -1
    spoiled = {**tree, "b": tree["b"].at[1, 0].set(value)}
    for bad in (note_fault(faults, jnp.int32(7), loss, spoiled),
                note_fault(faults, jnp.int32(7), jnp.float32(value), tree)):  # fmt: skip
        assert (int(bad.first), int(bad.count)) == (7, 1)
        assert int(note_fault(bad, jnp.int32(8), loss, spoiled).first) == 7
