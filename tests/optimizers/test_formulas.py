"""Every optimizer against its formula, as `tests/reference.py` has it, and its properties."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import reference
from enrolment import LAYER_OPTIMIZERS, MATRIX_OPTIMIZERS, assert_entries
from streams import STEPS, compiled, constant, decaying, expected, gradients, parameters

import ae_optax
from ae_optax import optimizers

# The first settings of a rule leave out what both sides have as a default.
SETTINGS = {
    "sgd": [{}],
    "momentum": [{}, {"momentum": 0.5}],
    "classical_momentum": [{}, {"momentum": 0.5}],
    "nesterov": [{}, {"momentum": 0.5}],
    "adagrad": [{"eps": 1e-7}, {"eps": 1e-2}],
    "adagrad_momentum": [{"eps": 1e-7}, {"momentum": 0.5, "eps": 1e-2}],
    "rmsprop": [{"eps": 1e-8}, {"decay": 0.99, "eps": 1e-2}],
    "rmsprop_centered": [{"eps": 1e-8}, {"decay": 0.99, "eps": 1e-2}],
    "rmsprop_momentum": [
        {"eps": 1e-8},
        {"decay": 0.99, "momentum": 0.5, "eps": 1e-2},
    ],
    "adadelta": [{"decay": 0.9, "eps": 1e-6}, {"decay": 0.95, "eps": 1e-2}],
    "adam": [{}, {"b1": 0.8, "b2": 0.95, "eps": 1e-2}],
    "adam_uncorrected": [{}, {"b1": 0.8, "b2": 0.95, "eps": 1e-2}],
    "adamw": [
        {"weight_decay": 1e-4},
        {"b1": 0.8, "b2": 0.95, "eps": 1e-2, "weight_decay": 0.3},
    ],
    "adamax": [{"eps": 1e-8}, {"b1": 0.8, "b2": 0.95, "eps": 1e-2}],
    "adam_p_norm": [{"p": 3}, {"p": 1.5, "b1": 0.8, "b2": 0.95, "eps": 1e-2}],
    "adam_max_norm": [{}, {"b1": 0.8, "b2": 0.95, "eps": 1e-2}],
    "nadam": [{}, {"b1": 0.8, "b2": 0.95, "eps": 1e-2}],
    "nadam_scheduled": [{}, {"b1": 0.8, "b2": 0.95, "eps": 1e-2, "momentum_decay": 0.5}],
    "amsgrad": [{}, {"b1": 0.8, "b2": 0.95, "eps": 1e-2}],
    "adabelief": [{}, {"b1": 0.8, "b2": 0.95, "eps": 1e-4}],
    "yogi": [{}, {"b1": 0.8, "b2": 0.95, "eps": 1e-2}],
    "radam": [{}, {"b1": 0.8, "b2": 0.95, "eps": 1e-2}],
    "lion": [{}, {"b1": 0.8, "b2": 0.95, "weight_decay": 0.3}],
    "adan": [
        {},
        {"b1": 0.8, "b2": 0.7, "b3": 0.95, "eps": 1e-2, "weight_decay": 0.3},
    ],
    "lamb": [
        {"weight_decay": 0.0},
        {"b1": 0.8, "b2": 0.95, "eps": 1e-2, "weight_decay": 0.3},
    ],
    "schedule_free_adamw": [
        {"weight_decay": 0.0},
        {"b1": 0.8, "b2": 0.95, "eps": 1e-2, "weight_decay": 0.3, "warmup_steps": 7},
    ],
    "lars": [
        {"weight_decay": 0.0},
        {"momentum": 0.5, "weight_decay": 0.3, "trust_coefficient": 0.1},
    ],
}
# Those that have tests of their own, and why.
ELSEWHERE = {"adafactor": "it is no rule of single coordinates"}
ELSEWHERE |= dict.fromkeys(MATRIX_OPTIMIZERS, "test_matrix_formulas.py")
ELSEWHERE |= dict.fromkeys(LAYER_OPTIMIZERS, "test_layer_formulas.py")
CASES = [
    pytest.param(name, settings, id=f"{name}-{i}")
    for name, choices in SETTINGS.items()
    for i, settings in enumerate(choices)
]


@functools.cache  # Several tests run the same rule; it need not compile again for each.
def make(name, **settings):
    """Compile ``ae_optax.<name>``; call the result with (rates, grads, params)."""
    factory = getattr(ae_optax, name)
    return compiled(lambda learning_rate: factory(learning_rate, **settings))


def assert_equal(actual, desired, *, rtol=0.0):
    """Compare leaf by leaf; where terms cancel, relative to an ordinary update of the leaf."""
    assert actual.keys() == desired.keys()
    for leaf in desired:
        atol = 0.01 * rtol * np.median(np.abs(desired[leaf]))
        np.testing.assert_allclose(actual[leaf], desired[leaf], rtol=rtol, atol=atol, err_msg=leaf)
        # What the formula leaves at zero is exactly zero.
        np.testing.assert_array_equal(actual[leaf][desired[leaf] == 0], 0)


# The formulas.


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(("name", "settings"), CASES)
def test_matches_the_formula_in_float64(name, settings):
    params, run = parameters(), make(name, **settings)
    # A first step of zeros meets every denominator before anything has filled it.
    for rates, zero_steps in [(constant(), (0, 20, 21, 22)), (decaying(), (20, 21, 22))]:
        grads = gradients(zero_steps=zero_steps)
        desired = expected(name, rates, grads, params, **settings)
        # rtol: 5e4 units in the last place, for averages that cancel to 1e-4 of their terms.
        assert_equal(run(rates, grads, params), desired, rtol=1e-11)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "settings"), CASES)
def test_matches_the_formula_in_float32(name, settings):
    rates, params = decaying(np.float32), parameters(np.float32)
    grads = gradients(np.float32, seed=2)
    updates = make(name, **settings)(rates, grads, params)
    # A hundred units in the last place.
    tolerance = 1e-5
    for leaf, desired in expected(name, rates, grads, params, **settings).items():
        assert updates[leaf].dtype == np.float32
        # Where the terms of an update cancel: relative to an ordinary update of that leaf.
        atol = tolerance * np.median(np.abs(desired))
        np.testing.assert_allclose(updates[leaf], desired, rtol=tolerance, atol=atol, err_msg=leaf)


def test_every_optimizer_has_its_formula_tested():
    assert_entries(
        SETTINGS,
        set(optimizers.__all__) - set(ELSEWHERE),
        at="tests/optimizers/test_formulas.py: SETTINGS",
        entry="settings to try; its formula in NumPy goes into tests/reference.py, by its name",
    )


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", SETTINGS)
def test_changes_sign_with_the_gradients_and_parameters(name):
    rates, grads, params = decaying(), gradients(), parameters()
    run = make(name, **SETTINGS[name][-1])
    mirrored = run(rates, *jax.tree.map(np.negative, (grads, params)))
    assert_equal(mirrored, jax.tree.map(np.negative, run(rates, grads, params)))


# The reference itself: first updates worked out by hand, for the gradient 3, the rate 0.1
# and the parameter 2. The numbers are chosen so that every root is rational.


@pytest.mark.parametrize(
    ("name", "settings", "update"),
    [
        ("sgd", {}, -0.3),
        ("momentum", {}, -0.3),
        ("classical_momentum", {}, -0.3),
        ("nesterov", {}, -0.3 * 1.9),
        ("adagrad", {"eps": 7}, -0.3 / 4),
        ("rmsprop", {"decay": 0.75, "eps": 1.75}, -0.3 / 2),
        ("rmsprop_centered", {"decay": 0.75, "eps": 7.3125}, -0.3 / 3),
        ("rmsprop_momentum", {"decay": 0.75, "eps": 1.75}, -0.3 / 2),
        ("adadelta", {"decay": 0.5, "eps": 1.5}, -0.3 / 2),
        ("adam", {"eps": 1}, -0.3 / 4),
        ("adam_uncorrected", {"b1": 0.5, "b2": 0.75, "eps": 0.5}, -0.15 / 2),
        ("adamw", {"eps": 1, "weight_decay": 0.5}, -0.1 * (0.75 + 1)),
        ("adamax", {"eps": 1}, -0.3 / 4),
        ("adam_p_norm", {"p": 3, "eps": 1}, -0.3 / 4),
        ("adam_max_norm", {"eps": 1}, -0.3 / 4),
        ("nadam", {"b1": 0.5, "eps": 1}, -0.3 * (1 + 1 / 3) / 4),
        ("nadam_scheduled", {"b1": 0.5, "eps": 1, "momentum_decay": 0}, -0.3 * (1 + 2 / 15) / 4),
        ("amsgrad", {"eps": 1}, -0.3 / 4),
        ("adabelief", {"b1": 0.5, "b2": 0.75, "eps": 1}, -0.3 / (2.5 + 1)),
        ("yogi", {"b1": 0.5, "b2": 0.75, "eps": 0.5}, -0.15 / 2),
        ("radam", {}, -0.3),
        ("lion", {"weight_decay": 0.5}, -0.1 * (1 + 1)),
        ("adan", {"eps": 1, "weight_decay": 0.5}, -0.1 * (0.75 + 1)),
        ("lamb", {"eps": 1, "weight_decay": 0.5}, -0.1 * 2),
        ("lars", {"weight_decay": 0.5, "trust_coefficient": 0.25}, -0.1 * 0.25 * 2),
    ],
)
def test_reference_agrees_with_a_hand_calculation(name, settings, update):
    one_step = expected(name, [0.1], {"x": [3.0]}, {"x": 2.0}, **settings)
    np.testing.assert_allclose(one_step["x"], [update], rtol=1e-14)


def test_reference_of_max_norm_divides_by_the_largest_coordinate():
    updates = reference.adam_max_norm([[3.0, -4.0]], [0.1], eps=1.0)
    np.testing.assert_allclose(updates, [[-0.06, 0.08]], rtol=1e-14)


# Momentum.


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ["momentum", "classical_momentum", "nesterov"])
def test_momentum_without_memory_is_gradient_descent(name):
    args = decaying(), gradients(), parameters()
    assert_equal(make(name, momentum=0.0)(*args), make("sgd")(*args))


@pytest.mark.usefixtures("x64")
def test_the_place_of_the_rate_in_momentum_matters_only_when_it_changes():
    outside, inside = make("momentum"), make("classical_momentum")
    grads, params = gradients(huge_step=None), parameters()
    # rtol: the rate is multiplied before the sum or after it, and the sum cancels.
    assert_equal(inside(constant(), grads, params), outside(constant(), grads, params), rtol=1e-11)
    differences = jax.tree.map(
        lambda a, b: np.abs(a - b).max() / np.abs(b).max(),
        inside(decaying(), grads, params),
        outside(decaying(), grads, params),
    )
    assert min(differences.values()) > 0.05


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("decay", [0.5, 0.9])
def test_nesterov_follows_the_look_ahead_points_of_its_original_form(decay):
    curvature, start, rates = np.array([1.0, 3.0, 9.0]), np.array([1.0, -2.0, 3.0]), decaying()
    points, look_ahead = reference.nesterov_look_ahead(
        lambda x: curvature * x, start, rates, momentum=decay
    )
    optimizer = ae_optax.nesterov(lambda step: jnp.asarray(rates)[step], momentum=decay)

    def step(carry, _):
        x, state = carry
        updates, state = optimizer.update(jnp.asarray(curvature) * x, state, x)
        return (optax.apply_updates(x, updates), state), x

    x = jnp.asarray(start)
    _, rewritten = jax.jit(lambda c: jax.lax.scan(step, c, length=STEPS))((x, optimizer.init(x)))
    # atol: in units of the start; the trajectory contracts towards zero.
    np.testing.assert_allclose(rewritten, look_ahead, rtol=1e-11, atol=1e-14)
    assert np.abs(rewritten - points).max() > 0.1


# Running squares.


@pytest.mark.usefixtures("x64")
def test_rmsprop_has_its_eps_inside_the_root():
    decay, eps, grads = 0.9, 0.04, {"x": np.full((STEPS, 2), 1e-6)}
    updates = make("rmsprop", decay=decay, eps=eps)(constant(), grads, {"x": np.zeros(2)})
    # A vanishing gradient leaves the root of eps alone: 0.2 and not 0.04.
    # rtol: what is left of the squared gradient beside eps.
    np.testing.assert_allclose(updates["x"], -0.03 * 1e-6 / 0.2, rtol=1e-10)


@pytest.mark.usefixtures("x64")
def test_rmsprop_with_momentum_zero_is_rmsprop():
    args, settings = (decaying(), gradients(), parameters()), {"decay": 0.9, "eps": 1e-8}
    without = make("rmsprop", **settings)(*args)
    # rtol: a few units in the last place, for two orders of the same products.
    assert_equal(make("rmsprop_momentum", momentum=0.0, **settings)(*args), without, rtol=1e-14)


@pytest.mark.usefixtures("x64")
def test_centering_never_shortens_an_rmsprop_update():
    args, settings = (decaying(), gradients(), parameters()), {"decay": 0.9, "eps": 1e-8}
    centered = make("rmsprop_centered", **settings)(*args)
    plain = make("rmsprop", **settings)(*args)
    for leaf in plain:
        assert np.all(np.abs(centered[leaf]) >= np.abs(plain[leaf]) * (1 - 1e-14))


@pytest.mark.usefixtures("x64")
def test_the_rate_of_adadelta_scales_updates_only_on_their_way_out():
    run, grads, params = make("adadelta", decay=0.9, eps=1e-6), gradients(), parameters()
    updates = run(constant(value=1.0), grads, params)
    scaled = {
        leaf: u * decaying().reshape(-1, *(1 for _ in u.shape[1:])) for leaf, u in updates.items()
    }
    # rtol: one more product in a different order.
    assert_equal(run(decaying(), grads, params), scaled, rtol=1e-14)


@pytest.mark.usefixtures("x64")
def test_adadelta_needs_no_rate_and_descends():
    args = gradients(), parameters()
    run = compiled(lambda _: ae_optax.adadelta(decay=0.9, eps=1e-6))
    updates = run(decaying(), *args)  # These rates are ignored.
    assert_equal(
        updates, expected("adadelta", np.ones(STEPS), *args, decay=0.9, eps=1e-6), rtol=1e-11
    )
    for leaf, g in args[0].items():
        assert np.all(np.sign(updates[leaf]) == -np.sign(g))


# Adam and its relatives.


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("adagrad", {"eps": 1e-60}),
        ("rmsprop", {"eps": 1e-60}),
        ("rmsprop_centered", {"eps": 1e-60}),
        ("rmsprop_momentum", {"eps": 1e-60}),
        ("adam", {"eps": 1e-30}),
        ("adam_uncorrected", {"eps": 1e-30}),
        ("adamax", {"eps": 1e-30}),
        ("adam_p_norm", {"p": 3, "eps": 1e-30}),
        ("adam_max_norm", {"eps": 1e-30}),
        ("nadam", {"eps": 1e-30}),
        ("nadam_scheduled", {"eps": 1e-30}),
        ("amsgrad", {"eps": 1e-30}),
        ("adabelief", {"eps": 1e-60}),
        ("yogi", {"eps": 1e-30}),
        ("lion", {"weight_decay": 0.0}),
        ("adan", {"eps": 1e-30}),
        ("lamb", {"eps": 1e-30, "weight_decay": 0.0}),
        ("lars", {"momentum": 0.0, "weight_decay": 0.0}),
    ],
)
def test_ignores_the_unit_of_the_gradient(name, settings):
    run, grads, params = make(name, **settings), gradients(), parameters()
    if name == "lars":  # The bias starts at zero, where the ratio is 1 and the unit stays.
        grads, params = ({k: t[k] for k in ("weight", "scalar")} for t in (grads, params))
    scaled = {leaf: 1024 * g for leaf, g in grads.items()}
    # rtol: powers of two scale exactly, but for the eps and a root that is not a square root.
    assert_equal(run(decaying(), scaled, params), run(decaying(), grads, params), rtol=1e-11)


@pytest.mark.usefixtures("x64")
def test_adam_of_the_2_norm_is_adam():
    args = decaying(), gradients(), parameters()
    # rtol: the rounding of the root of b2, magnified by 1 / (1 - b2).
    p_norm = make("adam_p_norm", p=2, b2=np.sqrt(0.999).item())(*args)
    assert_equal(p_norm, make("adam", b2=0.999)(*args), rtol=1e-10)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("p", [8, 64])
def test_adam_of_a_large_norm_is_bounded_by_adamax(p):
    # With b = b2^p, the p-th moment lies between (1 - b) and t (1 - b) times the p-th power of
    # the running maximum, and the correction divides it by 1 - b^t.
    args, b = (constant(), gradients(huge_step=None), parameters()), 0.999**p
    p_norm = make("adam_p_norm", p=p, b2=0.999, eps=1e-12)(*args)
    maximum = make("adamax", b2=0.999, eps=1e-12)(*args)
    t = np.arange(1, STEPS + 1)
    low = ((1 - b**t) / (t * (1 - b))) ** (1 / p)
    high = ((1 - b**t) / (1 - b)) ** (1 / p)
    for leaf, u in maximum.items():
        shape = (-1, *(1 for _ in u.shape[1:]))
        moved = u != 0
        ratio = np.where(moved, p_norm[leaf], 1) / np.where(moved, u, 1)
        # 1e-6: eps beside the smallest gradient.
        assert np.all((ratio >= low.reshape(shape) - 1e-6) | ~moved)
        assert np.all((ratio <= high.reshape(shape) + 1e-6) | ~moved)


@pytest.mark.usefixtures("x64")
def test_the_max_norm_of_a_scalar_is_its_size():
    rates, grads, params = decaying(), gradients(), parameters()
    args = rates, {"scalar": grads["scalar"]}, {"scalar": params["scalar"]}
    assert_equal(make("adam_max_norm")(*args), make("adam")(*args), rtol=1e-14)


@pytest.mark.usefixtures("x64")
def test_the_max_norm_of_one_leaf_ignores_the_others():
    rates, grads, params = decaying(), gradients(), parameters()
    run = make("adam_max_norm")
    louder = grads | {"bias": 1e3 * grads["bias"]}
    before, after = run(rates, grads, params), run(rates, louder, params)
    del before["bias"], after["bias"]
    assert_equal(after, before)


@pytest.mark.usefixtures("x64")
def test_nadam_with_a_constant_momentum_is_the_scheduled_one_after_its_schedule():
    args = decaying(), gradients(), parameters()
    # 0.96^1e4 is zero beside 1: the schedule is over before the first step.
    # rtol: products of momenta against powers.
    assert_equal(
        make("nadam_scheduled", momentum_decay=1e4)(*args), make("nadam")(*args), rtol=1e-11
    )


@pytest.mark.usefixtures("x64")
def test_lars_decays_the_parameters_of_its_mask_only():
    grads, params = gradients(huge_step=None), parameters()

    def mask(params):
        return {leaf: p.ndim == 2 for leaf, p in params.items()}

    out = make("lars", weight_decay=0.3, weight_decay_mask=mask)(decaying(), grads, params)
    for leaf in grads:
        own_decay = 0.3 if leaf == "weight" else 0.0
        plain = make("lars", weight_decay=own_decay)(decaying(), grads, params)
        np.testing.assert_array_equal(out[leaf], plain[leaf])


@pytest.mark.usefixtures("x64")
def test_radam_is_momentum_until_the_variance_is_known():
    run, grads, params = make("radam", b2=0.999), gradients(huge_step=None), parameters()
    updates = run(decaying(), grads, params)
    scaled = run(decaying(), {leaf: 2 * g for leaf, g in grads.items()}, params)
    for leaf in grads:
        # rho_5 is 4.99 and rho_6 is 5.99: five steps carry the unit of the gradient.
        np.testing.assert_array_equal(scaled[leaf][:5], 2 * updates[leaf][:5])
        np.testing.assert_allclose(scaled[leaf][5:], updates[leaf][5:], rtol=1e-5)


@pytest.mark.usefixtures("x64")
def test_lion_moves_every_coordinate_by_the_rate():
    grads = gradients()
    updates = make("lion", weight_decay=0.0)(constant(), grads, parameters())
    for leaf, g in grads.items():
        moving = np.broadcast_to(np.any(g, axis=0), g.shape)
        np.testing.assert_array_equal(np.abs(updates[leaf]), np.where(moving, 0.03, 0.0))


@pytest.mark.usefixtures("x64")
def test_adamw_without_decay_is_adam():
    args = decaying(), gradients(), parameters()
    assert_equal(make("adamw", weight_decay=0.0)(*args), make("adam")(*args))


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize("name", ["adamw", "lion", "adan"])
def test_decoupled_decay_shrinks_parameters_by_rate_times_decay(name):
    params = parameters()
    silence = jax.tree.map(np.zeros_like, gradients())
    updates = make(name, weight_decay=0.3)(decaying(), silence, params)
    left = np.prod(1 - 0.3 * decaying())
    for leaf, p in params.items():
        # rtol: one rounding for each of the steps.
        np.testing.assert_allclose(p + updates[leaf].sum(axis=0), left * p, rtol=1e-13)


@pytest.mark.usefixtures("x64")
@pytest.mark.parametrize(
    ("name", "settings", "share"),
    [
        ("lamb", {"weight_decay": 0.1}, 1.0),
        ("lars", {"weight_decay": 0.0, "momentum": 0.0, "trust_coefficient": 0.01}, 0.01),
    ],
)
def test_a_trust_ratio_moves_each_leaf_by_a_share_of_its_norm(name, settings, share):
    rates, params = decaying(), parameters()
    updates = make(name, **settings)(rates, gradients(zero_steps=()), params)
    for leaf in ["weight", "scalar"]:  # The bias starts at zero, where the ratio is 1.
        u = updates[leaf].reshape(STEPS, -1)
        before = params[leaf].ravel() + np.cumsum(u, axis=0) - u
        # rtol: the parameters are summed again here.
        np.testing.assert_allclose(
            np.linalg.norm(u, axis=1), rates * share * np.linalg.norm(before, axis=1), rtol=1e-11
        )
