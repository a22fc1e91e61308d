"""Functions of matrices against NumPy and against what defines them."""

import functools
import itertools
import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import reference_matrix as reference

from ae_optax import transforms as tf
from ae_optax._matrices import _bases as bases
from ae_optax._matrices import _decompositions as decompositions
from ae_optax._matrices import _polar as polar
from ae_optax._matrices import _products as products
from ae_optax._matrices import _roots as roots
from ae_optax._matrices import _triangular as triangular
from ae_optax._matrices import _tridiagonal as tridiagonal
from ae_optax._matrices._blocks import Blocks, merged_from_left, merged_from_right

pytestmark = pytest.mark.usefixtures("x64")


def random(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def positive(size=5, *, condition=1e3, seed=0):
    """Return a symmetric matrix with eigenvalues from 1 down to 1 / condition."""
    q, _ = np.linalg.qr(random(size, size, seed=seed))
    return (q * np.geomspace(1, 1 / condition, size)) @ q.T


# Products.


def test_products_along_axes_are_those_of_the_unfolded_tensor():
    x, factors = random(2, 3, 4, 5), [random(2, n, n, seed=n) for n in (3, 4, 5)]
    found = products.multiply(jnp.asarray(x), [jnp.asarray(f) for f in factors])
    desired = np.einsum("bijk,bli,bmj,bnk->blmn", x, *factors)
    np.testing.assert_allclose(found, desired, atol=1e-12)
    grams = [products.gram(jnp.asarray(x), axis) for axis in range(3)]
    np.testing.assert_allclose(grams[1], np.einsum("bijk,bimk->bjm", x, x), atol=1e-12)
    assert [g.shape[-1] for g in grams] == [3, 4, 5]


def test_the_kronecker_product_of_the_factors_is_what_multiplies_the_flat_matrix():
    x, a, b = random(3, 4), random(3, 3, seed=1), random(4, 4, seed=2)
    found = products.multiply(jnp.asarray(x[None]), [jnp.asarray(a[None]), jnp.asarray(b[None])])
    np.testing.assert_allclose(found[0].ravel(), np.kron(a, b) @ x.ravel(), atol=1e-12)


# Roots.

ROOTS = {
    "shifted": lambda a, p, unit: roots.shifted_root(a, p, eps=1e-12 * unit),
    "pseudo": lambda a, p, _: roots.pseudo_root(a, p),
    "ridged": lambda a, p, unit: roots.ridged_root(a, p, eps=1e-12, least=1e-6 * unit),
    "newton": lambda a, p, _: roots.newton_root(a, p, a, eps=1e-12, least=1e-25)[0],
    "product": lambda a, p, _: roots.product_root(a, p, eps=1e-12),
}


@functools.partial(jax.jit, static_argnums=(0, 2))
def root_of(name, matrices, p, unit):
    return ROOTS[name](matrices, p, unit)


@pytest.mark.parametrize("p", [2, 4, 8])
@pytest.mark.parametrize("root", ROOTS)
def test_every_root_is_the_inverse_root_at_any_scale(root, p):
    # Newton stops at 1e-6, and the fixed number of products is good for 1e-4 at this condition.
    tolerance = {"newton": 1e-5, "product": 1e-4}.get(root, 1e-8)
    for unit in (1e-20, 1.0, 1e20):
        a = unit * np.stack([positive(), positive(condition=10, seed=1)])
        found = root_of(root, jnp.asarray(a), p, unit)
        desired = np.stack([reference.power(m, -1 / p) for m in a])
        np.testing.assert_allclose(found, desired, rtol=0, atol=tolerance * np.max(np.abs(desired)))


def test_a_root_of_a_singular_matrix_is_what_its_name_says():
    a = jnp.asarray(np.diag([4.0, 1.0, 0.0])[None])
    np.testing.assert_allclose(roots.pseudo_root(a, 2)[0], np.diag([0.5, 1, 0]), atol=1e-12)
    shifted = roots.shifted_root(a, 2, eps=1e-4)[0]
    np.testing.assert_allclose(np.diag(shifted)[2], 100, rtol=1e-8)
    ridged = roots.ridged_root(a, 2, eps=1e-4, least=1e-6)[0]
    np.testing.assert_allclose(np.diag(ridged)[2], 50, rtol=1e-8)


def test_newtons_root_stays_what_it_was_where_it_cannot_be_found():
    bad, old = jnp.full((1, 3, 3), jnp.nan), jnp.ones((1, 3, 3))
    found, error = jax.jit(lambda a, old: roots.newton_root(a, 4, old, eps=1e-6, least=1e-25))(
        bad, old
    )
    np.testing.assert_array_equal(found, old)
    assert np.all(error > 0.1)


@pytest.mark.parametrize("root", ROOTS)
def test_a_root_of_nothing_is_a_number(root):
    assert np.all(np.isfinite(root_of(root, jnp.zeros((1, 3, 3), jnp.float32), 4, 1.0)))


@pytest.mark.parametrize(
    ("root", "power", "rule"),
    [
        (tf.newton_root(), 2.5, "a whole number"),
        (tf.newton_root(), jnp.float32(4), "a whole number"),
        (tf.product_root(), 1, "2, 4, 8 or another power of two"),
        (tf.product_root(), 6, "2, 4, 8 or another power of two"),
    ],
)
def test_a_root_that_products_cannot_take_is_refused(root, power, rule):
    a = jnp.eye(3)[None]
    with pytest.raises(
        ValueError, match=rf"`power` must be {rule} .*, got .*`ridged_root` takes any"
    ):
        root.take(a, power, a)


# Bases.


def test_eigenvectors_are_sorted_and_do_not_depend_on_rounding():
    a = positive()
    q = jax.jit(bases.eigenbasis)(jnp.asarray(a[None]))[0]
    np.testing.assert_allclose(q.T @ a @ q, np.diag(np.geomspace(1, 1e-3, 5)), atol=1e-12)
    again = jax.jit(bases.eigenbasis)(jnp.asarray((1e-30 * a * (1 + 1e-15 * random(5, 5)))[None]))[
        0
    ]
    np.testing.assert_allclose(again, q, atol=1e-9)


def test_orthogonal_iteration_converges_to_the_eigenvectors_up_to_signs():
    a = jnp.asarray(positive(condition=1e4)[None])
    q = jnp.asarray(np.linalg.qr(random(1, 5, 5, seed=3))[0])
    step = jax.jit(lambda q: bases.sorted_iterated(a, q)[0])
    for _ in range(60):
        q = step(q)
    np.testing.assert_allclose(np.abs(q), np.abs(bases.eigenbasis(a)), atol=1e-8)


@pytest.mark.parametrize(
    "function",
    [decompositions.eigh, decompositions.orthogonal_factor, decompositions.inverse],
    ids=lambda f: f.__name__,
)
def test_on_a_cpu_no_call_of_lapack_gets_more_than_one_matrix(function):
    # Two calls with a stack each, in two programs on two cores, wait for each other for ever.
    stacks = jax.ShapeDtypeStruct((3, 4, 5, 5), jnp.float32)
    program = jax.jit(jax.vmap(function)).lower(stacks).as_text()
    calls = [line for line in program.splitlines() if "@lapack" in line]
    assert calls
    shapes = {shape for line in calls for shape in re.findall(r"tensor<([0-9x]*)x[a-z]", line)}
    assert {len(shape.split("x")) for shape in shapes} <= {1, 2}


# Orthogonal factors.


@pytest.mark.parametrize("shape", [(4, 4), (3, 6), (6, 3), (1, 5), (5, 1)], ids=str)
def test_the_polar_factor_is_that_of_the_singular_value_decomposition(shape):
    x = random(*shape)
    for scale in (1e-20, 1.0, 1e20):
        found = jax.jit(polar.polar)(jnp.asarray(scale * x))
        np.testing.assert_allclose(found, reference.polar(x), atol=1e-10)


def test_the_polar_factor_of_a_rank_one_matrix_and_of_zero_has_nothing_beyond():
    x = np.outer(random(4), random(3, seed=1))
    found = jax.jit(polar.polar)(jnp.asarray(x, jnp.float32))
    # atol: what rounding leaves of the other directions is not brought up to length.
    np.testing.assert_allclose(found, x / np.linalg.norm(x), atol=1e-3)
    np.testing.assert_array_equal(jax.jit(polar.polar)(jnp.zeros((3, 3))), 0)


def test_the_schatten_norm_bounds_the_largest_singular_value_from_above_and_frobeniuss_from_below():
    x = random(4, 6)
    found = float(polar.schatten_4(jnp.asarray(x))[0, 0])
    np.testing.assert_allclose(found, reference.schatten_4(x), rtol=1e-12)
    assert np.linalg.norm(x, 2) < found < np.linalg.norm(x)


# How near to one the singular values come, from 0.1 of the largest on; measured, to two digits.
SPREAD = {
    "muon": (0.67, 1.22),
    "quintic": (0.83, 1.20),
    "polar_express": (0.85, 1.15),
    "polar_express_exact": (0.9999, 1.0001),
    "cans": (0.80, 1.20),
    "convergent": (0.9999, 1.0001),
    "muon_then_convergent": (0.95, 1.05),
    "modula": (0.85, 1.20),
}


# "turbo" is not here: it scales rows first, and that turns the vectors.
@pytest.mark.parametrize("method", SPREAD)
@pytest.mark.parametrize("shape", [(8, 8), (5, 9)], ids=str)
def test_orthogonalising_brings_singular_values_near_one_and_keeps_the_vectors(method, shape):
    u, _, v = np.linalg.svd(random(*shape), full_matrices=False)
    x = (u * np.geomspace(1, 0.1, len(v))) @ v
    transformation = tf.orthogonalize(method)
    found, _ = jax.jit(transformation.update)(jnp.asarray(x), transformation.init(x))
    values = np.diag(u.T @ np.asarray(found) @ v.T)
    np.testing.assert_allclose(found, (u * values) @ v, atol=1e-8)
    low, high = SPREAD[method]
    assert low <= min(values), values
    assert max(values) <= high, values


def test_turbo_brings_singular_values_near_one():
    x = jnp.asarray(random(5, 9))
    transformation = tf.orthogonalize("turbo")
    found, _ = jax.jit(transformation.update)(x, transformation.init(x))
    values = np.linalg.svd(found, compute_uv=False)
    assert min(values) > 0.6
    assert max(values) < 1.3


@pytest.mark.parametrize("method", [*SPREAD, "turbo"])
def test_orthogonalising_only_divides_a_vector_by_its_norm(method):
    x, transformation = jnp.asarray([3.0, 4.0]), tf.orthogonalize(method)
    found, _ = transformation.update(x, transformation.init(x))
    np.testing.assert_allclose(found, [0.6, 0.8], rtol=0.02)  # Two divide by 1 or 2 % more.


# Blocks.


@pytest.mark.parametrize(
    ("shape", "size"), [((5,), 2), ((6, 4), 2), ((7, 5), 3), ((3, 4), None), ((2, 3, 5), 2)]
)
def test_blocks_of_a_leaf_are_pieces_of_it_and_make_it_whole_again(shape, size):
    x = np.arange(np.prod(shape)).reshape(shape)
    cut = Blocks(shape, shape, size)
    parts = jax.jit(cut.split)(jnp.asarray(x))
    assert [part.shape for part in parts] == cut.shapes
    np.testing.assert_array_equal(jax.jit(cut.join)(parts), x)
    starts = [range(0, n, size or n) for n in shape]
    pieces = [
        x[tuple(slice(a, a + (size or n)) for a, n in zip(at, shape, strict=True))]
        for at in itertools.product(*starts)
    ]
    cells = [np.asarray(block) for part in parts for block in part]
    assert {(p.shape, *p.flat) for p in pieces} == {(c.shape, *c.flat) for c in cells}


def test_axes_are_merged_from_the_side_and_up_to_the_limit_that_is_asked_for():
    assert merged_from_left(4096)((1, 2, 512, 1, 2048, 1, 3, 4)) == (1024, 2048, 12)
    assert merged_from_right(64)((6, 9)) == (54,)
    assert merged_from_right(64)((3, 1, 8, 9)) == (24, 9)
    assert merged_from_right(8)((3, 3, 2, 4)) == (3, 3, 8)
    assert merged_from_right(8)((1, 1)) == ()


# Tridiagonal.


def test_the_sparse_inverse_is_the_one_whose_inverse_has_the_given_band():
    d, e = np.array([2.0, 3.0, 1.5, 2.0]), np.array([0.5, -1.0, 0.7, 0.0])
    lower, diagonal = tridiagonal.factors(jnp.asarray(d), jnp.asarray(e))
    x = np.stack([tridiagonal.times(lower, diagonal, jnp.eye(4)[i]) for i in range(4)])
    np.testing.assert_allclose(np.triu(x, 2), 0, atol=1e-14)
    inverse = np.linalg.inv(x)
    np.testing.assert_allclose(np.diag(inverse), d, atol=1e-12)
    np.testing.assert_allclose(np.diag(inverse, 1), e[:3], atol=1e-12)


def test_an_edge_that_would_make_a_variance_negative_is_cut():
    d, e = np.array([1.0, 1.0, 1.0]), np.array([2.0, 0.5, 0.0])
    lower, diagonal = tridiagonal.factors(jnp.asarray(d), jnp.asarray(e))
    np.testing.assert_allclose(lower, [0, -0.5, 0])
    np.testing.assert_allclose(diagonal, [1, 1 / 0.75, 1])


# Fitted factors.


def test_a_lower_bound_of_the_spectral_norm_is_one_and_a_close_one():
    a = np.stack([unit * positive(seed=i) for i, unit in enumerate((1e-20, 1.0, 1e20))])
    found = np.asarray(triangular.spectral_bound(jnp.asarray(a)))
    true = np.linalg.norm(a, 2, axis=(-2, -1))
    assert np.all(found <= true * (1 + 1e-12))
    assert np.all(found >= 0.7 * true)


def test_fitting_whitens_a_stationary_gradient():
    rng = np.random.default_rng(0)
    left, right = np.diag([3.0, 1.0, 0.3]), np.diag([3.0, 1.0])
    factors = [jnp.eye(3)[None], jnp.eye(2)[None]]
    fit = jax.jit(lambda f, g, v: triangular.fitted(f, g, v, rate=0.1))
    for _ in range(400):
        g, v = left @ rng.normal(size=(3, 2)) @ right, rng.normal(size=(3, 2))
        factors = fit(factors, jnp.asarray(g[None]), jnp.asarray(v[None]))
    x = left @ rng.normal(size=(2000, 3, 2)) @ right
    whole = [np.broadcast_to(f, (2000, *f.shape[1:])) for f in factors]
    white = np.asarray(triangular.whitened([jnp.asarray(w) for w in whole], jnp.asarray(x)))
    # It was 30.
    assert np.std(white, 0).max() / np.std(white, 0).min() < 4


def test_balancing_makes_the_largest_entries_equal_and_leaves_the_product():
    factors = [jnp.asarray(8 * np.eye(3)[None]), jnp.asarray(0.5 * np.ones((1, 2)))]
    a, b = triangular.balanced(factors)
    np.testing.assert_allclose([np.max(a), np.max(b)], 2)
    x = jnp.asarray(random(1, 3, 2))
    np.testing.assert_allclose(
        triangular.preconditioned([a, b], x), triangular.preconditioned(factors, x)
    )


# Derivatives.


@pytest.mark.parametrize("function", [decompositions.orthogonal_factor, decompositions.eigh])
def test_a_decomposition_has_the_slope_of_differences(function):
    x, t = random(2, 4, 4), random(2, 4, 4, seed=1)
    x, t = x + x.transpose(0, 2, 1), t + t.transpose(0, 2, 1)
    _, found = jax.jvp(function, (jnp.asarray(x),), (jnp.asarray(t),))
    above, below = function(jnp.asarray(x + 1e-6 * t)), function(jnp.asarray(x - 1e-6 * t))
    for slope, a, b in zip(*map(jax.tree.leaves, (found, above, below)), strict=True):
        np.testing.assert_allclose(slope, (a - b) / 2e-6, atol=1e-7)


@pytest.mark.parametrize("function", [decompositions.orthogonal_factor, decompositions.eigh])
def test_the_slope_of_a_decomposition_is_a_number_where_nothing_decides_it(function):
    t = jnp.asarray(random(3, 3, 3))
    for x in (np.zeros((3, 3, 3)), np.stack([np.eye(3)] * 3), np.ones((3, 3, 3))):
        _, found = jax.jvp(function, (jnp.asarray(x),), (t,))
        assert all(np.all(np.isfinite(leaf)) for leaf in jax.tree.leaves(found))


@pytest.mark.parametrize("rows", [7, 500, 501])
def test_a_square_is_the_product_with_itself_also_where_half_of_it_is_copied(rows):
    x = jnp.asarray(np.random.default_rng(0).normal(size=(2, rows, 3)))
    np.testing.assert_allclose(products.square(x), x @ x.mT, rtol=1e-12, atol=1e-12)
