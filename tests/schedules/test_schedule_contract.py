"""What every schedule owes: one contract, run over all of them."""

import cases
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ae_optax import schedules

NAMES = schedules.__all__
STEPS = np.arange(130, dtype=np.int32)
LAST = 2**31 - 1


@pytest.mark.parametrize("x64", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_returns_a_scalar_of_the_default_float_dtype(name, x64):
    with jax.enable_x64(x64):
        schedule = cases.make(name)
        for step in (3, np.int32(3), jnp.int32(3), 2.5):
            value = jax.eval_shape(schedule, step)
            assert value.shape == ()
            assert value.dtype == jnp.result_type(float)
            assert not value.weak_type


@pytest.mark.parametrize("name", NAMES)
def test_is_the_same_however_it_is_run(name):
    schedule = cases.make(name)
    _, scanned = jax.lax.scan(lambda t, _: (t + 1, schedule(t)), jnp.int32(0), length=len(STEPS))
    # Compiled alone or in a loop, a product and a sum may be fused or not.
    for values in (jax.jit(schedule)(STEPS), jax.jit(jax.vmap(schedule))(STEPS)):
        np.testing.assert_allclose(values, scanned, rtol=1e-6)
    for step in (0, np.int32(17), jnp.int32(60)):
        assert isinstance(schedule(step), jax.Array)
        np.testing.assert_allclose(schedule(step), scanned[step], rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_every_number_can_be_swept(name):
    plain = jax.jit(cases.make(name))(STEPS)
    numbers = jax.tree.map(lambda x: jnp.stack([x, x * 1.0]), cases.traceable(name))
    swept = jax.jit(jax.vmap(lambda a: cases.make(name, a)(STEPS)))(numbers)
    np.testing.assert_allclose(swept, np.stack([plain, plain]), rtol=6e-6)


@pytest.mark.parametrize("name", NAMES)
def test_every_whole_number_can_be_a_traced_integer(name):
    def whole(x):
        return jnp.int32(x) if isinstance(x, int) else x

    numbers = jax.tree.map(whole, cases.ARGUMENTS[name])
    arrays = {k: v for k, v in numbers.items() if not isinstance(v, float)}
    rest = {k: v for k, v in numbers.items() if isinstance(v, float)}
    swept = jax.jit(lambda a: cases.make(name, {**a, **rest})(STEPS))(arrays)
    np.testing.assert_allclose(swept, jax.jit(cases.make(name))(STEPS), rtol=1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_finite(name):
    numbers = cases.traceable(name)
    steps = jnp.asarray([0.0, 6.0, 7.0, 14.0, 24.9, 49.0, 56.0, 61.0, 83.0, 110.0, 1e4])
    values, slopes = jax.jit(
        jax.vmap(
            jax.value_and_grad(lambda a, t: cases.make(name, a)(t), argnums=(0, 1)),
            in_axes=(None, 0),
        )
    )(numbers, steps)
    assert np.isfinite(values).all()
    for slope in jax.tree.leaves(slopes):
        assert np.isfinite(slope).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_gradients_are_those_of_the_closed_form(name):
    step = 20.3  # Inside a stretch and a cycle of all of them.
    with jax.enable_x64(True):
        numbers = cases.traceable(name)

        def value(a, t):
            return cases.make(name, a)(t)

        slopes = jax.jit(jax.grad(value, argnums=(0, 1)))(numbers, step)
        flat, rebuild = jax.flatten_util.ravel_pytree((numbers, jnp.asarray(step)))
        for k, slope in enumerate(jax.flatten_util.ravel_pytree(slopes)[0]):
            h = 1e-6 * np.eye(len(flat))[k] * max(1, abs(flat[k]))
            up, down = value(*rebuild(flat + h)), value(*rebuild(flat - h))
            # A central difference: error h^2 from the curve, 1e-16 / h from rounding.
            np.testing.assert_allclose(slope, (up - down) / (2 * h.max()), rtol=1e-5, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_the_last_step_is_finite_and_in_range(name):
    for arguments in (cases.ARGUMENTS[name], cases.traceable(name)):
        value = jax.jit(lambda t, a=arguments: cases.make(name, a)(t))(jnp.int32(LAST))
        assert 0 <= value <= 0.3 * (1 + 1e-6)


@pytest.mark.parametrize("name", NAMES)
def test_compiles_once_for_all_steps(name):
    traces = []
    schedule = cases.make(name)

    @jax.jit
    def compiled(step):
        traces.append(step)
        return schedule(step)

    for step in STEPS[:5]:
        compiled(step)
    assert len(traces) == 1


@pytest.mark.parametrize("name", NAMES)
def test_drives_an_optimizer_of_optax(name):
    tx = optax.scale_by_schedule(cases.make(name))
    state = tx.init(jnp.ones(3))
    for t in range(3):
        updates, state = jax.jit(tx.update)(jnp.ones(3), state)
        np.testing.assert_allclose(updates, np.full(3, cases.make(name)(t)), rtol=1e-6)


def test_a_pole_in_an_idle_piece_harms_nothing():
    def pole(t):
        return 1 / (10 - jnp.asarray(t).astype(float))

    def root(t):
        return jnp.sqrt(jnp.asarray(t).astype(float))

    schedule = schedules.join([pole, root, pole], boundaries=[10, 20])
    for step in (5.0, 10.5, 15.0, 20.0, 25.0):
        value, slope = jax.value_and_grad(schedule)(step)
        assert np.isfinite(value)
        assert np.isfinite(slope)
    assert np.isnan(jax.grad(optax.join_schedules([pole, root], [10]))(10.0))  # As it was.
