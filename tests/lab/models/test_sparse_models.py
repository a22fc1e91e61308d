import jax
import jax.numpy as jnp
import numpy as np
import pytest
from filled import applied, filled

from ae_optax.lab import models

X = np.random.default_rng(0).uniform(size=(6, 4, 4)).astype(np.float32)


@pytest.mark.parametrize("k", [1, 3, 10])
def test_the_k_largest_of_a_linear_code_are_kept(k):
    _, plain = applied(models.mlp_autoencoder([5], 10), X)
    _, output = applied(models.k_sparse_autoencoder([5], 10, k=k), X)
    code, before = np.asarray(output.code), np.asarray(plain.code)
    for row, all_of_row in zip(code, before, strict=True):
        kept = np.argsort(-all_of_row)[:k]
        np.testing.assert_array_equal(np.flatnonzero(row), np.sort(kept))
        np.testing.assert_array_equal(row[kept], all_of_row[kept])


def test_of_equal_numbers_no_more_than_k_are_kept():
    model = models.k_sparse_autoencoder([], 8, k=3)
    params, state = filled(model, X)
    equal = jax.tree.map(jnp.ones_like, params)
    output, _ = jax.jit(model.apply, static_argnums=4)(equal, state, X, jax.random.key(1), True)
    assert set(np.count_nonzero(output.code, axis=1)) == {3}


def test_no_gradient_passes_through_what_is_not_kept():
    model = models.k_sparse_autoencoder([], 4, k=1)
    params, output = applied(model, X[:1])

    def total(params):
        return jnp.sum(model.apply(params, {}, X[:1], jax.random.key(1), True)[0].code)

    bias = np.asarray(jax.jit(jax.grad(total))(params)["encoder"][0]["bias"])
    np.testing.assert_array_equal(bias, np.asarray(output.code[0] != 0, float))


def test_tied_weights_computes_with_the_transpose():
    model = models.tied_autoencoder([5], 2, activation="tanh", output="linear")
    params, output = applied(model, X)
    first, second = (np.asarray(params["encoder"][i]["kernel"], float) for i in (0, 1))
    down = [np.asarray(params["encoder"][i]["bias"], float) for i in (0, 1)]
    up = [np.asarray(params["decoder"][i]["bias"], float) for i in (0, 1)]
    code = np.tanh(X.reshape(6, 16) @ first + down[0]) @ second + down[1]
    np.testing.assert_allclose(output.code, code, rtol=1e-4, atol=1e-6)
    decoded = np.tanh(code @ second.T + up[0]) @ first.T + up[1]
    np.testing.assert_allclose(output.decoded.reshape(6, 16), decoded, rtol=1e-4, atol=1e-5)
    assert [bias.shape for bias in up] == [(5,), (16,)]
    assert "kernel" not in params["decoder"][0]


def test_tied_weights_get_the_sum_of_the_gradients_of_both_places():
    tied = models.tied_autoencoder([], 3, code_activation="tanh", output="linear")
    loose = models.mlp_autoencoder([], 3, code_activation="tanh", output="linear")
    params, state = filled(tied, X)
    kernel = params["encoder"][0]["kernel"]
    untied, _ = filled(loose, X)
    untied["encoder"][0] = params["encoder"][0]
    untied["decoder"][0] = {"kernel": kernel.T, **params["decoder"][0]}

    def error(params, model):
        output, _ = jax.jit(model.apply, static_argnums=4)(
            params, state, X, jax.random.key(1), True
        )
        return jnp.sum((output.decoded - X) ** 2)

    both = jax.jit(jax.grad(error), static_argnums=1)(untied, loose)
    summed = both["encoder"][0]["kernel"] + both["decoder"][0]["kernel"].T
    shared = jax.jit(jax.grad(error), static_argnums=1)(params, tied)["encoder"][0]["kernel"]
    np.testing.assert_allclose(shared, summed, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: models.k_sparse_autoencoder([], 3, k=4), ValueError, "`k` must be at most `code`"),
        (lambda: models.k_sparse_autoencoder([], 3, k=0), ValueError, "`k` must be at least 1"),
        (lambda: models.tied_autoencoder([0], 3), ValueError, r"`hidden\[0\]` must be at least 1"),
        (lambda: models.tied_autoencoder([], 0), ValueError, "`code` must be at least 1"),
        (lambda: models.tied_autoencoder([], 1, output="x"), ValueError, "`output` must be one"),
    ],
)
def test_bad_arguments_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()
