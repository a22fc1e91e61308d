"""A gradient that is not finite, though its loss is, means the same to a whole run and to `fit`."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from marks import slow

from ae_optax.lab import data, losses, models, training
from ae_optax.lab.losses import Term
from ae_optax.lab.training._faults import first_fault, look_for_faults, no_faults

STEP = 4  # Of three an epoch: in the second.


@jax.custom_vjp
def nothing(x, spoiled):
    """Return 0, with a gradient that is infinite where it is spoiled."""
    return 0 * x


nothing.defvjp(
    lambda x, spoiled: (0 * x, (jnp.ones_like(x), spoiled)),
    lambda kept, _: (jnp.where(kept[1], jnp.inf, 0.0) * kept[0], None),
)


def spoiled_mse(steps):
    mse = losses.mse()

    def terms(seen):
        each = jnp.mean(seen.output.decoded, axis=(1, 2))
        return {
            **mse.terms(seen),
            "spoiled": Term(nothing(each, jnp.isin(seen.step, jnp.asarray(steps))), 1.0),
        }

    return mse._replace(terms=terms)


def runs(reaction, steps=(STEP,)):
    rng = np.random.default_rng(0)
    parts = (rng.uniform(size=(n, 3, 3)).astype(np.float32) for n in (10, 4, 5))
    tiny = data.Dataset("tiny", data.Splits(*parts), source="memory", fingerprint="")
    task = training.Task(models.mlp_autoencoder([6], 2), spoiled_mse(steps), tiny)
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
    np.testing.assert_array_equal(whole.rows["train_loss"], [row.train_loss for row in fit.rows])
    np.testing.assert_array_equal(whole.rows["skipped_steps"], [0, 1, 0])


@pytest.mark.parametrize("steps", [(3, 4, 5), *slow((4, 5))])
def test_an_epoch_mostly_without_steps_has_diverged(steps):
    """Its first step is that of the model before, whatever the rate."""
    fit, whole = runs("skip", steps=steps)
    assert (fit.status, len(fit.rows)) == ("diverged", 2)
    np.testing.assert_array_equal(np.isfinite(whole.rows["train_loss"]), [True, False, True])


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
def test_the_first_fault_is_noted_wherever_it_is(value, dtype):
    tree = {"a": jnp.full((3,), jnp.finfo(dtype).max, dtype), "b": jnp.ones((2, 2), dtype)}
    loss, none = jnp.float32(1), no_faults(tree, {})
    good, faults = look_for_faults(none, jnp.int32(7), loss, tree, tree, {})
    assert good
    assert int(faults.first) == -1
    spoiled = {**tree, "b": tree["b"].at[1, 0].set(value)}
    for where, seen in (
        ("loss", (jnp.float32(value), tree, tree)),
        ("gradient of b", (loss, spoiled, tree)),
        ("b after the step", (loss, tree, spoiled)),
    ):
        good, bad = look_for_faults(none, jnp.int32(7), *seen, {})
        assert not good
        assert str(first_fault(bad, tree, {})) == f"step 7: {where}"
        _, later = look_for_faults(bad, jnp.int32(8), loss, spoiled, tree, {})
        assert (int(later.first), int(later.count)) == (7, 2)
