"""Complex parameters are pairs of real ones, as in PyTorch."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from ae_optax.compat import torch as compat

RUNS = [
    ("SGD", {"momentum": 0.9, "weight_decay": 0.1}),
    ("Adam", {"amsgrad": True, "weight_decay": 0.1}),
    ("AdamW", {}),
    ("Adamax", {}),
    ("Adadelta", {}),
    ("Adagrad", {}),
    ("NAdam", {}),
    ("RAdam", {}),
    ("RMSprop", {"momentum": 0.9, "centered": True}),
    ("Rprop", {}),
    ("ASGD", {"t0": 2}),
]
EVERY_RUN = pytest.mark.parametrize(("name", "options"), RUNS, ids=[name for name, _ in RUNS])


def draws(*shape):
    real, imaginary = np.random.default_rng(len(shape)).normal(size=(2, *shape))
    return real + 1j * imaginary


START, GRADS = draws(3, 2), draws(6, 3, 2)


pytestmark = pytest.mark.usefixtures("x64")


def ours(name, options, start, grads):
    tx = getattr(compat, name.lower())(lr=0.05, **options)
    params = {"real": jnp.ones(2), "weight": jnp.asarray(start)}
    state = tx.init(params)

    def step(carry, g):
        params, state = carry
        updates, state = tx.update({"real": jnp.ones(2), "weight": g}, state, params)
        return (optax.apply_updates(params, updates), state), None

    (params, _), _ = jax.lax.scan(step, (params, state), jnp.asarray(grads))
    return np.asarray(params["weight"])


@pytest.mark.slow
@EVERY_RUN
def test_real_and_imaginary_part_have_moments_of_their_own(name, options):
    start, grads = (np.stack([x.real, x.imag], axis=-1) for x in (START, GRADS))
    pairs = ours(name, options, start, grads)
    found = ours(name, options, START, GRADS)
    np.testing.assert_allclose(found, pairs[..., 0] + 1j * pairs[..., 1], rtol=1e-12)


@EVERY_RUN
@pytest.mark.slow
def test_complex_parameters_go_where_pytorch_takes_them(name, options):
    torch = pytest.importorskip("torch")
    weight = torch.nn.Parameter(torch.tensor(START.copy()))
    optimizer = getattr(torch.optim, name)([weight], lr=0.05, **options)
    for g in GRADS:
        weight.grad = torch.tensor(g.copy())
        optimizer.step()
    # PyTorch keeps the rates of NAdam and ASGD in float32.
    found = ours(name, options, START, GRADS)
    np.testing.assert_allclose(found, weight.detach().numpy(), rtol=1e-7)
    if name in ("Adam", "AdamW", "RMSprop", "SGD"):
        state = compat.import_state(optimizer.state_dict(), {"weight": jnp.asarray(START)})
        start = getattr(compat, name.lower())(lr=0.05, **options).init(
            {"weight": jnp.asarray(START)}
        )
        assert jax.tree.map(jax.typeof, state) == jax.tree.map(jax.typeof, start)
