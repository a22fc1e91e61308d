"""Every optimizer in Flax's two kinds of training state, on a model of two numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from contract_cases import make, one_of_each_kind
from enrolment import LAYER_OPTIMIZERS
from flax import nnx
from flax.training.train_state import TrainState

X = jnp.linspace(-1.0, 1.0, 8)[:, None]
Y = 3.0 * X + 1.0


def loss_of(prediction):
    return jnp.mean(jnp.square(prediction - Y))


@pytest.mark.parametrize("name", one_of_each_kind())
def test_trains_a_flax_model_through_nnx_and_through_a_train_state(name):
    model = nnx.Linear(1, 1, rngs=nnx.Rngs(0))
    optimizer = nnx.Optimizer(model, make(name), wrt=nnx.Param)
    start = {"w": model.kernel[...], "b": model.bias[...]}

    def apply(params):
        return X @ params["w"] + params["b"]

    @nnx.jit
    def step(model, optimizer, state):
        loss, grads = nnx.value_and_grad(lambda m: loss_of(m(X)))(model)
        optimizer.update(model, grads)
        other_loss, grads = jax.value_and_grad(lambda p: loss_of(apply(p)))(state.params)
        return loss, other_loss, state.apply_gradients(grads=grads)

    state = TrainState.create(apply_fn=apply, params=start, tx=make(name))
    losses = []
    with jax.numpy_rank_promotion("allow"):  # Flax broadcasts its biases.
        for _ in range(5):
            *both, state = step(model, optimizer, state)
            losses.append(both)
    assert state.step == 5
    # The same optimizer on the same problem. rtol: five float32 steps in two programs.
    np.testing.assert_allclose(*np.transpose(losses), rtol=1e-4)
    assert losses[-1][0] < losses[0][0]


@pytest.mark.parametrize("name", LAYER_OPTIMIZERS)
def test_layers_are_found_by_the_paths_of_flax(name):
    params = nnx.state(nnx.Linear(3, 2, rngs=nnx.Rngs(0)), nnx.Param)
    tx = make(name)
    jax.eval_shape(tx.update, params, tx.init(params), params)
