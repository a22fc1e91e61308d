"""Factors of layers against those of curvlinops, which makes them of PyTorch's models."""

import functools

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ae_optax.capturing import Factors, capture

pytestmark = pytest.mark.slow  # PyTorch takes seconds to start.
N = 5


@pytest.fixture(autouse=True)
def in_float64():
    torch = pytest.importorskip("torch")
    pytest.importorskip("curvlinops")
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    with jax.enable_x64(True):
        yield
    torch.set_default_dtype(before)


def random(*shape, seed):
    return np.random.default_rng(seed).normal(size=shape)


dense, conv = (functools.partial(layer, param_dtype=jnp.float64) for layer in (nn.Dense, nn.Conv))


class Dense(nn.Module):
    @nn.compact
    def __call__(self, x):
        return dense(2)(jnp.tanh(dense(3)(x)))


class Positions(nn.Module):
    @nn.compact
    def __call__(self, x):
        return dense(2)(jnp.tanh(dense(3)(x)).mean(1))


class Convolution(nn.Module):
    @nn.compact
    def __call__(self, x):
        return dense(2)(jnp.tanh(conv(3, (2, 3), strides=2, padding="VALID")(x)).mean((1, 2)))


def torch_model(case):
    """Return the same model of PyTorch; images have their channels behind, as ours."""
    from torch import nn

    class Mean(nn.Module):
        def forward(self, x):
            return x.mean((2, 3)) if case == "convolution" else x.mean(1)

    class ChannelsFirst(nn.Module):
        def forward(self, x):
            return x.permute(0, 3, 1, 2)

    first = {
        "dense": [nn.Linear(4, 3), nn.Tanh()],
        "positions": [nn.Linear(4, 3), nn.Tanh(), Mean()],
        "convolution": [ChannelsFirst(), nn.Conv2d(2, 3, (2, 3), stride=2), nn.Tanh(), Mean()],
    }
    return nn.Sequential(*first[case], nn.Linear(3, 2))


INPUTS = {
    "dense": (Dense, random(N, 4, seed=0)),
    "positions": (Positions, random(N, 6, 4, seed=0)),
    "convolution": (Convolution, random(N, 5, 8, 2, seed=0)),
}
TARGETS = random(N, 2, seed=1)


def both(case):
    """Return our loss, its parameters and inputs, and PyTorch's model with the same weights."""
    import torch

    module, x = INPUTS[case]
    model, theirs = module(), torch_model(case)
    shapes = jax.eval_shape(model.init, jax.random.key(0), x)
    shapes = jax.tree.map(lambda leaf: leaf.shape, shapes, is_leaf=lambda x: hasattr(x, "shape"))
    params = {"params": {}}
    weights = dict(theirs.named_parameters())
    names = list(dict.fromkeys(name.rpartition(".")[0] for name in weights))
    order = ["Conv_0" if case == "convolution" else "Dense_1", "Dense_0"]  # The last is made first.
    for i, (own, name) in enumerate(zip(order, names, strict=True)):
        kernel = random(*shapes["params"][own]["kernel"], seed=2 + i)
        bias = random(*shapes["params"][own]["bias"], seed=4 + i)
        params["params"][own] = {"kernel": kernel, "bias": bias}
        weights[f"{name}.weight"].data = torch.tensor(as_theirs(kernel))
        weights[f"{name}.bias"].data = torch.tensor(bias)

    def loss(params, x, y):
        return jnp.mean(jnp.sum((model.apply(params, x) - y) ** 2, 1))

    ours = model.apply(params, x)
    with torch.no_grad():
        np.testing.assert_allclose(theirs(torch.tensor(x)).numpy(), ours, rtol=1e-10)
    return loss, params, x, theirs, [params["params"][own]["kernel"].shape for own in order]


def as_theirs(kernel):
    """Return a kernel with the outputs first and, of a convolution, then the channels."""
    return np.moveaxis(kernel, (-1, -2), (0, 1))


def as_theirs_flat(block, shape):
    """Return a matrix of all numbers of a layer in the order of PyTorch's weight and bias."""
    outputs = shape[-1]
    numbers = np.arange(len(block)).reshape(-1, outputs)
    order = np.concatenate([as_theirs(numbers[:-1].reshape(shape)).ravel(), numbers[-1]])
    return block[np.ix_(order, order)]


def their_matrix(theirs, x, y, *, fisher_type, positions):
    """Return the matrix of curvlinops, of a loss that is a mean over examples."""
    import curvlinops
    import torch

    operator = curvlinops.KFACLinearOperator(
        theirs,
        torch.nn.MSELoss(reduction="sum"),
        list(theirs.parameters()),
        [(torch.tensor(x), torch.tensor(y))],
        fisher_type=fisher_type,
        kfac_approx=positions,
        separate_weight_and_bias=False,
        check_deterministic=False,
    )
    size = sum(p.numel() for p in theirs.parameters())
    return (operator @ torch.eye(size)).detach().numpy() / N


def blocks(matrix, shapes):
    """Yield the block of every layer; there is nothing outside of them."""
    rest = matrix.copy()
    start = 0
    for shape in shapes:
        size = int(np.prod(shape)) + shape[-1]
        at = slice(start, start + size)
        yield matrix[at, at]
        rest[at, at] = 0
        start += size
    assert not rest.any()


def compare(factors, theirs, shapes):
    for (inputs, outputs), shape, block in zip(
        factors, shapes, blocks(theirs, shapes), strict=True
    ):
        own = as_theirs_flat(np.kron(inputs, outputs), shape)
        np.testing.assert_allclose(own, block, rtol=1e-10, atol=1e-10 * np.max(np.abs(block)))


@pytest.mark.parametrize("positions", ["expand", "reduce"])
@pytest.mark.parametrize("case", INPUTS)
def test_the_empirical_factors_are_those_of_curvlinops(case, positions):
    loss, params, x, theirs, shapes = both(case)
    uses = capture(loss)(params, x, TARGETS)[2].uses
    factors = [use.expanded() if positions == "expand" else use.reduced() for use in uses]
    found = their_matrix(theirs, x, TARGETS, fisher_type="empirical", positions=positions)
    compare(factors, found, shapes)


@pytest.mark.parametrize("positions", ["expand", "reduce"])
@pytest.mark.parametrize("case", INPUTS)
def test_the_factors_over_all_targets_of_the_model_are_those_of_the_exact_fisher(case, positions):
    loss, params, x, theirs, shapes = both(case)
    module, _ = INPUTS[case]
    own = module().apply(params, x)
    # Of a likelihood with the variance one half: mean 0, and that covariance.
    found: list[list[Factors]] = []
    for noise in np.concatenate([np.eye(2), -np.eye(2)]):
        uses = capture(loss)(params, x, own + noise[None])[2].uses
        found.append([use.expanded() if positions == "expand" else use.reduced() for use in uses])
    factors = jax.tree.map(lambda *each: np.mean(each, 0), *found)
    exact = their_matrix(theirs, x, TARGETS, fisher_type="type-2", positions=positions)
    compare(factors, exact, shapes)
