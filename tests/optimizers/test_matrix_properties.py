"""What the matrix rules must do, whatever their numbers: symmetries, limits, odd leaves."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import reference_matrix as reference
from enrolment import MATRIX_OPTIMIZERS
from marks import slow

import ae_optax as ao

STEPS = 8
# Without weight decay and with whatever makes them free of scales and of where they start.
PLAIN = {
    "adam": lambda rate=0.1: ao.adam(rate),
    "kl_shampoo": lambda rate=0.1: ao.kl_shampoo(rate, refresh_every=3, weight_decay=0.0),
    "muon": lambda rate=0.1: ao.muon(rate),
    "normuon": lambda rate=0.1: ao.normuon(rate),
    "shampoo": lambda rate=0.1: ao.shampoo(rate, refresh_every=3, start=1),
    "soap": lambda rate=0.1: ao.soap(rate, refresh_every=3, weight_decay=0.0, eps=1e-20),
    "psgd_kron": lambda rate=0.1: ao.psgd_kron(rate),
    "soap_muon": lambda rate=0.1: ao.soap_muon(rate),
    "sonew": lambda rate=0.1: ao.sonew(rate),
    "splus": lambda rate=0.1: ao.splus(rate, refresh_every=3, weight_decay=0.0),
}


def stream(*shape, seed=0, steps=STEPS):
    return np.random.default_rng(seed).normal(size=(steps, *shape))


def orthogonal(size, seed):
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(size, size)))[0]


def run(optimizer, grads, params=None, *, states=False):
    """Return the updates of every step, compiled; with ``states`` the states too."""
    params = jax.tree.map(lambda g: jnp.zeros_like(g[0]), grads) if params is None else params

    @jax.jit
    def scan(params, grads):
        def step(carry, g):
            params, state = carry
            updates, state = optimizer.update(g, state, params)
            params = optax.apply_updates(params, updates)
            return (params, state), (updates, state) if states else updates

        return jax.lax.scan(step, (params, optimizer.init(params)), grads)[1]

    return jax.tree.map(np.asarray, scan(params, jax.tree.map(jnp.asarray, grads)))


# Symmetries.


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ["kl_shampoo", "muon", "shampoo", "soap", "soap_muon", "splus"])
def test_commutes_with_rotations_of_both_sides(name):
    left, right, grads = orthogonal(5, 1), orthogonal(5, 2), stream(5, 5)
    turned = run(PLAIN[name](), left @ grads @ right.T)
    plain = run(PLAIN[name](), grads)
    # SPlus takes its first sign in the coordinates as they are.
    first = 1 if name == "splus" else 0
    np.testing.assert_allclose(turned[first:], (left @ plain @ right.T)[first:], atol=1e-8)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ["adam", "normuon", "sonew"])
def test_a_rule_of_single_coordinates_or_outputs_does_not(name):
    left, right, grads = orthogonal(5, 1), orthogonal(5, 2), stream(5, 5)
    turned, plain = run(PLAIN[name](), left @ grads @ right.T), run(PLAIN[name](), grads)
    assert np.max(np.abs(turned - left @ plain @ right.T)) > 1e-3


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ["muon", "normuon", "soap", "soap_muon", "splus"])
def test_ignores_the_unit_of_the_gradient(name):
    grads = stream(5, 5)
    # atol: what Muon adds to the norm, 1e-7.
    np.testing.assert_allclose(
        run(PLAIN[name](), 1e3 * grads), run(PLAIN[name](), grads), atol=1e-7
    )


# Limits in which one rule is another.

ADAM = functools.partial(
    lambda b1, b2, eps: ao.quotient(
        numerator=ao.chain(ao.turned(ao.average(b1)), ao.correct_bias(b1)),
        denominator=ao.chain(
            ao.square(),
            ao.permuted(ao.average(b2)),
            ao.root(),
            ao.add(eps),
            ao.correct_root_bias(b2),
        ),
    ),
    0.9,
    0.95,
    1e-8,
)


@pytest.mark.usefixtures("x64")
def test_in_the_identity_basis_soap_is_adam_with_a_corrected_epsilon():
    never = ao.every(1, first=10**6)
    grads = stream(4, 6)
    found = run(ao.in_basis(ao.gram(0.95), inner=ADAM(), refresh=never), grads)
    np.testing.assert_allclose(found, run(ADAM(), grads), rtol=1e-12)


@pytest.mark.usefixtures("x64")
def test_on_diagonal_gradients_soap_is_adam_on_the_diagonal():
    # Of descending sizes, so that no basis has to be sorted.
    sizes = np.diag([5.0, 3.0, 1.0])
    grads = np.stack([np.diag(np.diag(g)) for g in stream(3, 3)]) @ sizes
    basis = ao.in_basis(
        ao.gram(0.95), inner=ADAM(), basis=ao.orthogonal_iteration(), refresh=ao.every(2, first=2)
    )
    found, adam = run(basis, grads), run(ADAM(), grads)
    np.testing.assert_allclose(
        np.abs(np.linalg.eigvalsh(found @ found.transpose(0, 2, 1)) ** 0.5),
        np.sort(np.abs(np.diagonal(adam, axis1=1, axis2=2))),
        atol=1e-6,
    )


@pytest.mark.usefixtures("x64")
def test_shampoo_without_memory_is_the_polar_factor():
    shampoo = ao.precondition(ao.gram(0.0), root=ao.pseudo_root(), refresh=ao.every(1))
    grads = stream(5, 4)
    np.testing.assert_allclose(
        run(shampoo, grads), np.stack([reference.polar(g) for g in grads]), atol=1e-8
    )
    np.testing.assert_allclose(run(shampoo, grads), run(ao.polar_factor(), grads), atol=1e-8)


@pytest.mark.usefixtures("x64")
def test_kl_shampoo_with_one_column_whitens_by_that_ones_size():
    # Of the right side, one number, the inverse root follows the whitened length of the column.
    grads = np.abs(stream(1, 1)) + 1
    whitened = ao.in_basis(ao.kl_gram(0.9, guess=1.0), inner=ao.whiten(eps=1e-12))
    found = run(whitened, grads).ravel()
    s_left = s_right = 1.0
    for k, g in enumerate(grads.ravel()):
        np.testing.assert_allclose(found[k], g * s_left * s_right, rtol=1e-9)
        if k:
            s_left, s_right = (
                (0.9 * s**-2 + 0.1 * (g * other) ** 2) ** -0.5
                for s, other in ((s_left, s_right), (s_right, s_left))
            )


@pytest.mark.usefixtures("x64")
def test_grafting_a_rule_on_itself_changes_nothing():
    grads, rule = stream(4, 3), ao.scale_by_rms(0.9)
    found = run(ao.graft(direction=rule, magnitude=rule), grads)
    np.testing.assert_allclose(found, run(rule, grads), rtol=1e-12)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("view", [ao.view(), ao.view(2), ao.view(sides="smaller")], ids=repr)
def test_any_basis_of_a_linear_rule_is_that_rule(view):
    grads = {"w": stream(4, 3), "b": stream(3), "t": stream(2, 3, 4)}
    linear = ao.turned(ao.average(0.9))
    found = run(ao.in_basis(ao.gram(0.9), inner=linear, refresh=ao.every(2), view=view), grads)
    for key, desired in run(linear, grads).items():
        np.testing.assert_allclose(found[key], desired, atol=1e-12, err_msg=key)


@pytest.mark.usefixtures("x64")
def test_roots_taken_at_every_step_are_those_of_the_statistics():
    grads = stream(4, 3)
    found = run(
        ao.precondition(ao.gram(0.8), root=ao.shifted_root(1e-3), refresh=ao.every(1)), grads
    )
    left = right = 0.0
    for g, u in zip(grads, found, strict=True):
        left, right = 0.8 * left + 0.2 * g @ g.T, 0.8 * right + 0.2 * g.T @ g
        roots = [reference.power(a, -0.25, eps=1e-3) for a in (left, right)]
        np.testing.assert_allclose(u, roots[0] @ g @ roots[1], atol=1e-9)


@pytest.mark.usefixtures("x64")
def test_blocks_step_as_the_leaves_that_they_are_would():
    grads = stream(5, 4)
    make = functools.partial(ao.soap, 0.1, refresh_every=3)
    found = run(make(block_size=3), grads)
    for rows in (slice(0, 3), slice(3, 5)):
        for columns in (slice(0, 3), slice(3, 4)):
            alone = run(make(), grads[:, rows, columns])
            np.testing.assert_allclose(found[:, rows, columns], alone, atol=1e-10)


@pytest.mark.usefixtures("x64")
def test_a_leaf_steps_as_if_it_were_alone_whoever_shares_its_size():
    grads = {"a": stream(4, 4), "b": stream(4, 6, seed=1), "c": stream(4, 4, seed=2)}
    for name in ("soap", "shampoo"):
        found = run(PLAIN[name](), grads)
        for key, alone in grads.items():
            np.testing.assert_allclose(found[key], run(PLAIN[name](), alone), atol=1e-9)


def test_muon_tells_inputs_from_outputs_and_stacked_layers_apart():
    kernel, grads = 0.1, stream(6, 3).astype(np.float32)
    muon = functools.partial(ao.muon, kernel)
    flax = run(muon(), grads)
    torch = run(muon(out_axis=0), grads.transpose(0, 2, 1))
    np.testing.assert_allclose(torch.transpose(0, 2, 1), flax, atol=1e-6)
    convolution = run(muon(), grads.reshape(STEPS, 2, 3, 3))
    np.testing.assert_allclose(convolution.reshape(STEPS, 6, 3), flax, atol=1e-6)
    stacked = run(muon(stack_axes=1), np.stack([grads, 2 * grads], 1))
    np.testing.assert_allclose(stacked[:, 1], flax, atol=1e-5)


# Odd leaves.


def odd(dtype=np.float32):
    """Return gradients of leaves that are hard to decompose."""
    g = stream(4, 3, seed=3).astype(np.float32)
    border = g.copy()
    border[:, 0] = 0  # As MNIST's pixels at the border have it.
    one = np.einsum("ti,tj->tij", stream(4), stream(3, seed=1))
    leaves = {
        "zero": 0 * g,
        "rank one": one,
        "one row": g[:, :1],
        "one column": g[:, :, :1],
        "zero row": border,
        "small": 1e-20 * g,
        "large": 1e20 * g,
        "tensor": stream(2, 3, 2, seed=4),
    }
    return {key: np.asarray(leaf, dtype) for key, leaf in leaves.items()}


# Without a floor what rounding makes of zero is a step like any other; an iteration that makes all
# singular values equal lifts it once more.
WITH_FLOORS = {
    "soap": lambda: ao.soap(0.1, smallest_share=1e-3),
    "soap_muon": lambda: ao.soap_muon(0.1, smallest_share=0.1),
}


@pytest.mark.parametrize("dtype", ["float32", *slow("bfloat16")])
@pytest.mark.parametrize("name", ["soap", *slow(*sorted({*MATRIX_OPTIMIZERS} - {"soap"}))])
def test_no_odd_leaf_breaks_it(name, dtype):
    grads = jax.tree.map(lambda g: jnp.asarray(g, dtype), odd())
    optimizer = WITH_FLOORS.get(name, PLAIN[name])()
    updates, states = run(optimizer, grads, states=True)
    updates = jax.tree.map(np.float32, updates)
    for key, leaf in updates.items():
        assert np.all(np.isfinite(leaf)), key
    # A square of 1e20 is no float32, and no number is expected to be.
    for path, leaf in jax.tree.leaves_with_path(states):
        assert not np.any(np.isnan(np.float32(leaf))), jax.tree_util.keystr(path)
    np.testing.assert_array_equal(updates["zero"], 0)
    # SPlus takes the sign of what rounding leaves there, PSGD's factors know of rows by chance.
    if name not in ("psgd_kron", "splus"):
        np.testing.assert_allclose(updates["zero row"][:, 0], 0, atol=1e-3)
    statistics = [x for x in jax.tree.leaves(states) if x.ndim == 4]
    assert all(x.dtype == np.float32 for x in statistics)


@pytest.mark.parametrize("name", ["soap", *slow("kl_shampoo", "psgd_kron", "shampoo", "splus")])
def test_goes_on_to_the_bit_from_the_middle_of_a_period(name):
    optimizer, grads = PLAIN[name](), jnp.asarray(stream(5, 4), jnp.float32)
    update = jax.jit(optimizer.update)
    params = jnp.zeros((5, 4))
    states = [optimizer.init(params)]
    for g in grads:
        states.append(update(g, states[-1], params)[1])
    # Two steps after the last refresh, through the host, as from a file.
    resumed = jax.tree.map(jnp.asarray, jax.tree.map(np.asarray, states[6]))
    for g in grads[6:]:
        resumed = update(g, resumed, params)[1]
    for left, right in zip(*map(jax.tree.leaves, (resumed, states[-1])), strict=True):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("name", ["soap", *slow("shampoo")])
def test_members_that_count_together_decompose_only_when_it_is_time(name):
    # Under `vmap` a conditional with a predicate of each member would run both branches.
    params, rates = jnp.zeros((2, 4, 4)), jnp.asarray([0.1, 0.03])
    state = jax.vmap(PLAIN[name]().init)(params)

    def update(rate, g, state, params):
        return PLAIN[name](rate).update(g, state, params)

    members = jax.vmap(update)
    program = jax.make_jaxpr(members)(rates, params, state, params)
    outside = {str(equation.primitive) for equation in program.jaxpr.eqns}
    assert "cond" in outside
    assert not outside & {"eigh", "qr", "geqrf", "householder_product"}
    # Members out of step, each with a rate and gradients of its own, get what is theirs.
    alone = [jax.tree.map(lambda x, i=i: x[i], state) for i in range(2)]
    grads = jnp.asarray(stream(2, 4, 4, steps=5), jnp.float32)
    _, alone[1] = update(rates[1], grads[0, 1], alone[1], params[1])
    mixed = jax.tree.map(lambda a, b: jnp.stack([a, b]), *alone)
    members, update = jax.jit(members), jax.jit(update)
    for g in grads[1:]:
        found, mixed = members(rates, g, mixed, params)
        for i in range(2):
            desired, alone[i] = update(rates[i], g[i], alone[i], params[i])
            np.testing.assert_allclose(found[i], desired, atol=1e-4)
    for i, own in enumerate(alone):
        for left, right in zip(jax.tree.leaves(mixed), jax.tree.leaves(own), strict=True):
            np.testing.assert_allclose(left[i], right, atol=1e-4)


def test_a_thinned_statistic_is_that_of_every_so_many_gradients():
    def known(statistic, grads):
        rule = ao.precondition(statistic, refresh=ao.every(1))
        state, update = rule.init(grads[0]), jax.jit(rule.update)
        for grad in grads:
            _, state = update(grad, state)
        return state.statistics

    grads = list(stream(3, 2, steps=6))
    thinned = known(ao.thinned(ao.debiased_gram(0.7), steps=2), grads)
    plain = known(ao.debiased_gram(0.7), grads[::2])
    for one, other in zip(jax.tree.leaves(thinned), jax.tree.leaves(plain), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)
    with pytest.raises(ValueError, match="`steps` must be at least 1, got 0"):
        ao.thinned(ao.gram(0.9), steps=0)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        ("statistic", lambda x: ao.in_basis(x, inner=ao.identity())),
        ("basis", lambda x: ao.in_basis(ao.gram(0.9), inner=ao.identity(), basis=x)),
        ("refresh", lambda x: ao.in_basis(ao.gram(0.9), inner=ao.identity(), refresh=x)),
        ("view", lambda x: ao.in_basis(ao.gram(0.9), inner=ao.identity(), view=x)),
        ("statistic", lambda x: ao.precondition(x)),
        ("root", lambda x: ao.precondition(ao.gram(0.9), root=x)),
        ("refresh", lambda x: ao.precondition(ao.gram(0.9), refresh=x)),
        ("view", lambda x: ao.precondition(ao.gram(0.9), view=x)),
        ("view", lambda x: ao.graft(direction=ao.identity(), magnitude=ao.identity(), view=x)),
        ("statistic", lambda x: ao.thinned(x, steps=2)),
        ("statistic", lambda x: ao.soap(0.1, statistic=x)),
        ("root", lambda x: ao.shampoo(0.1, root=x)),
    ],
)
def test_what_is_no_such_piece_is_refused_by_name(name, call):
    for value in (3, "gram"):
        with pytest.raises(TypeError, match=rf"`{name}` must be a {name}, got {value!r}\.$"):
            call(value)
    with pytest.raises(TypeError, match=rf"`{name}` must be a {name}, .* Call it to make one\."):
        call(ao.gram)


def test_a_missing_gradient_leaves_all_that_is_kept_of_its_leaf():
    optimizer = ao.soap(0.1, refresh_every=1, block_size=2)
    params = {"a": jnp.ones((3, 2)), "b": jnp.ones((2, 2)), "c": jnp.ones(2)}
    grads = jax.tree.map(lambda p: jnp.asarray(stream(*p.shape, steps=1)[0], p.dtype), params)
    state = optimizer.init(params)
    for _ in range(3):
        _, state = optimizer.update(grads, state, params)
    updates, after = optimizer.update(grads | {"a": None}, state, params)
    assert updates["a"] is None

    def of(state, key):
        path = jax.tree.leaves_with_path(state)
        return [leaf for keys, leaf in path if f"['{key}']" in jax.tree_util.keystr(keys)]

    assert len(of(state, "a")) > 8
    for left, right in zip(of(after, "a"), of(state, "a"), strict=True):
        np.testing.assert_array_equal(left, right)
    assert any(np.any(x != y) for x, y in zip(of(after, "b"), of(state, "b"), strict=True))
