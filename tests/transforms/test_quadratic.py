"""Rate, momentum and damping from the quadratic model of a loss."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ae_optax import transforms as tf

A = np.diag([1.0, 4.0, 10.0]) + 0.5
B = np.array([1.0, -2.0, 3.0])


pytestmark = pytest.mark.usefixtures("x64")


def loss(x):
    return x @ A @ x / 2 - B @ x


def curvature(tangents):
    return jnp.stack([jnp.stack([u @ A @ v for v in tangents]) for u in tangents])


def descend(transformation, x, steps, **told):
    state, path = transformation.init(x), []
    for _ in range(steps):
        value, gradient = jax.value_and_grad(loss)(x)
        updates, state = transformation.update(
            gradient, state, x, value=value, curvature=curvature, **told
        )
        x = optax.apply_updates(x, updates)
        path.append((x, state))
    return path


def test_on_a_quadratic_it_is_the_method_of_conjugate_gradients():
    # As many steps as there are coordinates lead to the minimum.
    x = descend(tf.minimize_quadratic(tf.identity(), damping=1e-14), jnp.ones(3), 3)[-1][0]
    np.testing.assert_allclose(x, np.linalg.solve(A, B), rtol=1e-9)


def test_the_step_is_the_least_of_the_damped_model_in_the_plane_and_its_value_is_known():
    damping, tx = 0.7, tf.minimize_quadratic(tf.scale(2.0), damping=0.7)
    (first, before), (second, state) = descend(tx, jnp.ones(3), 2)
    gradient = np.asarray(jax.grad(loss)(first))
    plane = np.stack([-2.0 * gradient, first - 1.0], 1)
    model = plane.T @ (A + damping * np.eye(3)) @ plane
    found = -np.linalg.solve(model, plane.T @ gradient)
    np.testing.assert_allclose(second - first, plane @ found, rtol=1e-9)
    np.testing.assert_allclose((state.inner.rate, state.inner.momentum), found, rtol=1e-9)
    predicted = gradient @ plane @ found + found @ model @ found / 2
    np.testing.assert_allclose(state.inner.predicted, predicted, rtol=1e-9)
    assert before.inner.momentum == 0


def test_damping_falls_where_the_model_is_timid_and_rises_where_it_is_bold():
    def make(damping):
        return tf.minimize_quadratic(tf.identity(), damping=damping)

    tx = tf.adapt_damping(make, initial_damping=2.0, factor=0.9, every=2)
    dampings = [s.inner.damping for _, s in descend(tx, jnp.ones(3), 4, loss_at=loss)]
    # What damping holds back the model does not promise: the loss falls further.
    np.testing.assert_allclose(dampings, [2.0, 2 * 0.9**2, 2 * 0.9**2, 2 * 0.9**4], rtol=1e-6)
    worse = descend(tx, jnp.ones(3), 2, loss_at=lambda x: loss(x) + 100)
    np.testing.assert_allclose(worse[-1][1].inner.damping, 2.0 / 0.9**2, rtol=1e-6)
    assert worse[-1][1].inner.reduction < 0
    held = tf.adapt_damping(make, initial_damping=2.0, factor=0.9, every=1, minimum=1.9)
    assert descend(held, jnp.ones(3), 3, loss_at=loss)[-1][1].inner.damping == pytest.approx(1.9)


def test_damping_stays_where_nothing_is_known_of_the_model():
    tx = tf.adapt_damping(
        lambda damping: tf.minimize_quadratic(tf.identity(), damping=damping),
        initial_damping=2.0,
        every=1,
    )
    x = jnp.ones(3)
    told = {
        "value": loss(x),
        "loss_at": loss,
        "curvature": lambda trees: jnp.ones([len(trees)] * 2),
    }
    _, state = tx.update(jnp.full(3, jnp.nan), tx.init(x), x, **told)
    assert state.inner.damping == 2.0
    _, state = tx.update(jnp.zeros(3), tx.init(x), x, **told)
    assert state.inner.damping < 2.0
    with pytest.raises(ValueError, match=r"`value` must be given .*: the loss of the batch"):
        tx.update(x, tx.init(x), x, **told | {"value": None})
    with pytest.raises(ValueError, match=r"`loss_at` must be given .* a function of the param"):
        tx.update(x, tx.init(x), x, **told | {"loss_at": None})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"initial_damping": 0.0}, "`initial_damping` must be positive"),
        ({"initial_damping": 1.0, "factor": 1.0}, r"`factor` must lie in \(0, 1\)"),
        ({"initial_damping": 1.0, "every": 0}, "`every`"),
        ({"initial_damping": 1.0, "minimum": 0.0}, "`minimum` must be positive"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        tf.adapt_damping(lambda damping: tf.add(damping), **arguments)
