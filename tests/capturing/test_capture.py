"""What a layer saw: whole gradients from rows, in every form a model can take."""

import chex
import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from ae_optax._trees import own_keys
from ae_optax.capturing import CaptureError, Layers, capture


def random(*shape, seed=0):
    return jax.random.normal(jax.random.key(seed), shape, jnp.float32)


X = random(6, 5, 4, seed=1)  # Examples, positions, features.
W, V, B = random(4, 3, seed=2), random(3, 4, seed=3), random(3, seed=4)


def chained(params, x):
    hidden = jnp.tanh(x @ params["w"] + params["b"][None, None])
    return jnp.mean((hidden @ params["v"] - x) ** 2)


def tied(params, x):
    hidden = jnp.tanh(x @ params["w"] + params["b"][None, None])
    return jnp.mean((hidden @ params["w"].T - x) ** 2)


def kernel_first(params, x):
    # The output has its features before the axes of the inputs.
    return jnp.sum(jnp.tanh(jnp.einsum("io,npi->onp", params["w"], x)) ** 2)


def within_jit(params, x):
    inner = jax.jit(lambda w, b, x: x @ w + b[None, None])
    return jnp.sum(jnp.tanh(inner(params["w"], params["b"], x)) ** 2)


def within_checkpoint(params, x):
    inner = jax.checkpoint(lambda w, b, x: jnp.tanh(x @ w + b[None, None]))
    return jnp.sum(inner(params["w"], params["b"], x) ** 2)


def within_scan(params, x):
    def turn(h, each):
        return jnp.tanh(h @ params["w"] @ params["v"] + each), h.mean()

    h, sums = jax.lax.scan(turn, x, jnp.arange(3.0))
    return jnp.mean(h**2) + sums.mean()


def stack(params, x):
    def turn(h, each):
        return jnp.tanh(h @ each["w"] + each["b"][None, None]), None

    return jax.lax.scan(turn, x, params)[0]


def sliced_by_scan(params, x):
    return jnp.mean(stack(params, x) ** 2)


def sliced_in_every_turn(params, x):
    body = jax.checkpoint(lambda h, _: (stack(params, h), None))
    return jnp.mean(jax.lax.scan(body, x, None, length=2)[0] ** 2)


def looked_up(params, numbers):
    rows = params["w"][numbers] + params["b"][None, None]
    return jnp.mean(jnp.tanh(rows @ params["v"]) ** 2)


def of_each_example(params, x):
    one = jax.vmap(lambda x: jnp.tanh(x @ params["w"] + params["b"][None]).sum())
    return jnp.mean(one(x) ** 2)


def in_float16(params, x):
    half = {name: p.astype(jnp.float16) for name, p in params.items()}
    return chained(half, x.astype(jnp.float16)).astype(jnp.float32)


PLAIN = {"w": W, "v": V, "b": B}
LOSSES = {
    "chained": chained,
    "tied": tied,
    "kernel first": kernel_first,
    "within jit": within_jit,
    "within checkpoint": within_checkpoint,
    "within scan": within_scan,
    "of each example": of_each_example,
    "in float16": in_float16,
}


def linen(module, x):
    params = module.init(jax.random.key(0), x)

    def loss(params, x):
        return jnp.mean(jnp.tanh(module.apply(params, x)) ** 2)

    return loss, params, x


def flax_nnx():
    model = nnx.Sequential(
        nnx.Linear(4, 3, rngs=nnx.Rngs(0)), nnx.relu, nnx.Linear(3, 4, rngs=nnx.Rngs(1))
    )
    graph, params = nnx.split(model, nnx.Param)
    return lambda params, x: jnp.mean((nnx.merge(graph, params)(x) - x) ** 2), params, X


class Turn(nn.Module):
    @nn.compact
    def __call__(self, x, _):
        return jnp.tanh(nn.Dense(4)(x)), None


STACK = nn.scan(nn.remat(Turn), variable_axes={"params": 0}, split_rngs={"params": True}, length=3)


def linen_stack():
    params = STACK().init(jax.random.key(0), X, None)
    return lambda params, x: jnp.mean(STACK().apply(params, x, None)[0] ** 2), params, X


def nnx_table():
    graph, params = nnx.split(nnx.Embed(7, 4, rngs=nnx.Rngs(0)), nnx.Param)
    return lambda params, x: jnp.mean(jnp.tanh(nnx.merge(graph, params)(x)) ** 2), params, NUMBERS


NUMBERS = jax.random.randint(jax.random.key(6), (6, 5), 0, 7)
STACKED = {"w": random(3, 4, 4, seed=7), "b": random(3, 4, seed=8)}
TABLE = {"w": random(7, 3, seed=9), "v": V, "b": B}
IMAGES = random(6, 7, 7, 2, seed=5)
CASES = {
    **{name: lambda loss=loss: (loss, PLAIN, X) for name, loss in LOSSES.items()},
    "sliced by scan": lambda: (sliced_by_scan, STACKED, X),
    "sliced in every turn": lambda: (sliced_in_every_turn, STACKED, X),
    "looked up": lambda: (looked_up, TABLE, NUMBERS),
    "nnx": flax_nnx,
    "nnx table": nnx_table,
    "linen stack": linen_stack,
    "linen": lambda: linen(nn.Sequential([nn.Dense(3), nn.relu, nn.Dense(4)]), X),
    "convolution": lambda: linen(nn.Conv(3, (3, 2), strides=2), IMAGES),
    "dilated": lambda: linen(nn.Conv(3, (3, 3), kernel_dilation=2, padding="VALID"), IMAGES),
    "transposed": lambda: linen(nn.ConvTranspose(3, (3, 3), strides=(2, 2)), IMAGES),
    "several axes": lambda: linen(nn.DenseGeneral((2, 3), axis=(-2, -1), use_bias=False), X),
}


def by_path(tree):
    keyed = jax.tree.leaves_with_path(tree)
    return {jax.tree_util.keystr(own_keys(path)): leaf for path, leaf in keyed}


def found_at(leaves, path):
    """Return a leaf, or the slice of one."""
    if path in leaves:
        return leaves[path]
    whole, _, number = path.removesuffix("]").rpartition("[")
    return found_at(leaves, whole)[int(number)]


@pytest.mark.parametrize("case", CASES)
def test_the_rows_of_its_layers_make_the_gradient(case):
    loss, params, x = CASES[case]()
    value, grads, layers = jax.jit(capture(loss))(params, x)
    expected = jax.value_and_grad(loss)(params, x)
    # rtol: sums in another order; half precision has three digits.
    rtol = 2e-2 if case == "in float16" else 1e-5
    chex.assert_trees_all_close((value, grads), expected, rtol=rtol, atol=1e-5)
    leaves, made = by_path(grads), {}
    for layer in layers.uses:
        a, d = layer.rows()
        assert a.shape[:2] == d.shape[:2]
        assert a.shape[0] == 6
        kernel, bias = layer.split(jnp.einsum("npi,npo->io", a, d))
        made[layer.kernel] = made.get(layer.kernel, 0) + kernel.astype(jnp.float32)
        if layer.bias is not None:
            made[layer.bias] = bias.astype(jnp.float32)
    for path, gradient in made.items():
        np.testing.assert_allclose(gradient, found_at(leaves, path), rtol=rtol, atol=1e-5)
    # Nothing that moves is missing.
    size = sum(np.size(leaf) for leaf in leaves.values() if np.any(leaf))
    assert sum(np.size(gradient) for gradient in made.values()) == size


NORMED = ["chained", "tied", "convolution", "within scan", "sliced in every turn", "looked up"]


@pytest.mark.parametrize("case", NORMED)
def test_the_norms_of_examples_are_those_of_their_own_gradients(case):
    loss, params, x = CASES[case]()
    _, _, layers = capture(loss)(params, x)
    # The mean over examples: one alone weighs as much as all.
    alone = jax.vmap(jax.grad(loss), (None, 0))(params, x[:, None])
    squares = [jnp.sum(g**2, tuple(range(1, g.ndim))) for g in jax.tree.leaves(alone)]
    np.testing.assert_allclose(layers.example_norms() * len(x), np.sqrt(sum(squares)), rtol=1e-4)


def test_an_example_that_does_not_count_has_no_norm():
    _, _, layers = capture(tied)(PLAIN, X)
    weights = jnp.arange(len(X)) < 2
    norms = layers.weighted(weights).example_norms()
    np.testing.assert_array_equal(norms, jnp.where(weights, layers.example_norms(), 0))
    with pytest.raises(ValueError, match="`layers` must hold the use of a kernel, got none"):
        Layers(()).example_norms()


def test_what_is_made_of_half_precision_is_made_in_float32():
    half = jax.tree.map(lambda x: x.astype(jnp.float16), PLAIN)
    _, _, layers = capture(lambda p, x: 3e4 * chained(p, x))(half, X.astype(jnp.float16))
    made = (layers.example_norms(), [(use.expanded(), use.reduced()) for use in layers.uses])
    for x in jax.tree.leaves(made):
        assert x.dtype == jnp.float32
        assert jnp.all(jnp.isfinite(x))


@pytest.mark.parametrize("case", ["chained", "several axes", "convolution"])
def test_what_is_joined_is_split_again(case):
    loss, params, x = CASES[case]()
    _, grads, layers = capture(loss)(params, x)
    leaves = by_path(grads)
    layer = layers.uses[0]
    bias = None if layer.bias is None else leaves[layer.bias]
    back = layer.split(layer.join(leaves[layer.kernel], bias))
    chex.assert_trees_all_equal(back, (leaves[layer.kernel], bias))


def test_a_bias_belongs_to_the_kernel_whose_output_it_is_added_to():
    _, _, layers = capture(chained)(PLAIN, X)
    assert [(layer.kernel, layer.bias) for layer in layers.uses] == [
        ("['w']", "['b']"),
        ("['v']", None),
    ]


def test_shared_weights_are_several_uses_of_one_kernel():
    _, _, layers = capture(tied)(PLAIN, X)
    assert [layer.shape for layer in layers.of("['w']")] == [(4, 3), (4, 3)]
    assert [layer.in_axes for layer in layers.of("['w']")] == [(0,), (1,)]


def test_auxiliary_results_pass_through():
    (value, aux), _, _ = capture(lambda p, x: (chained(p, x), x.sum()), has_aux=True)(PLAIN, X)
    np.testing.assert_allclose(value, chained(PLAIN, X), rtol=1e-6)
    np.testing.assert_allclose(aux, X.sum(), rtol=1e-6)


def gated(params, x):
    h = x @ params["w"]
    return h * jax.nn.sigmoid(h + params["b"][None, None])


UNKNOWN = {
    "a penalty": (lambda p, x: chained(p, x) + jnp.sum(p["w"] ** 2), r"\['w'\] in `.*integer_pow"),
    "a gain": (
        lambda p, x: chained(p, x) + jnp.sum(x[..., :3] * p["b"][None, None]),
        r"\['b'\] in `.* mul ",
    ),
    "a bias of what is read twice": (
        lambda p, x: jnp.sum(gated(p, x) ** 2),
        r"\['b'\] in `.* add ",
    ),
    "a bias of the inputs": (
        lambda p, x: chained(p, x[..., :4] - p["v"].sum(0)[None, None]),
        r"\['v'\] in `.* reduce_sum",
    ),
    "a product of two": (lambda p, x: jnp.sum(p["w"] @ p["v"]) + x.sum(), r"\['w'\] in `.*dot_gen"),
    "a slice that is no layer's": (
        lambda p, x: jax.lax.scan(lambda h, b: (h + b, None), x.sum(), p["b"])[0],
        r"\['b'\] in `.* add ",
    ),
    "carried by scan": (
        lambda p, x: jax.lax.scan(lambda h, _: (h / 2, None), p["b"], None, 3)[0].sum() * x.sum(),
        r"\['b'\], carried by `scan`",
    ),
    "sliced by scan along its last axis": (
        lambda p, x: jax.lax.scan(lambda h, w: (h + x @ w, None), x[..., 0], p["w"].T)[0].sum(),
        r"\['w'\], sliced by `scan` along no first axis",
    ),
    "a single row": (lambda p, x: jnp.sum(p["w"][2]) * x.sum(), r"\['w'\] in `"),
    "rows of the other axis": (
        lambda p, x: jnp.sum(jnp.take(p["w"], NUMBERS[:, 0] % 3, axis=1) ** 2) + x.sum(),
        r"\['w'\] in `.*gather",
    ),
    "in a branch": (
        lambda p, x: jax.lax.cond(x.sum() > 0, jnp.sum, jnp.max, p["b"]) * x.sum(),
        r"\['b'\] in `.*cond",
    ),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_a_use_that_is_not_recognised_is_named_or_left_out(case):
    loss, reason = UNKNOWN[case]
    with pytest.raises(CaptureError, match=f"`loss_fn` uses {reason}"):
        capture(loss)(PLAIN, X)
    _, grads, layers = capture(loss, unrecognised="leave out")(PLAIN, X)
    assert layers.left_out
    chex.assert_trees_all_close(grads, jax.grad(loss)(PLAIN, X), rtol=1e-5, atol=1e-6)


def test_what_becomes_of_the_unrecognised_is_one_of_two_words():
    with pytest.raises(ValueError, match="`unrecognised` must be 'error' or 'leave out', got 'x'"):
        capture(chained, unrecognised="x")
