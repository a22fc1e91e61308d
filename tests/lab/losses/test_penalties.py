import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_up_seen import seen

import ae_optax
from ae_optax import schedules
from ae_optax.lab import losses
from ae_optax.transforms import PathError

RNG = np.random.default_rng(0)
PARAMS = {
    part: {0: {"kernel": RNG.normal(size=(3, 2)), "bias": RNG.normal(size=2)}}
    for part in ("encoder", "decoder")
}
PARAMS = jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), PARAMS)
KERNELS = [np.asarray(PARAMS[part][0]["kernel"], float) for part in PARAMS]


def test_penalties_are_of_kernels_only():
    absolute = sum(np.abs(k).sum() for k in KERNELS)
    squares = sum((k**2).sum() for k in KERNELS) / 2
    batch = seen(params=PARAMS)
    np.testing.assert_allclose(losses.l1_penalty(0.1)(batch), 0.1 * absolute, rtol=1e-6)
    np.testing.assert_allclose(losses.l2_penalty(0.1)(batch), 0.1 * squares, rtol=1e-6)
    elastic = losses.elastic_penalty(l1=0.2, l2=0.3)
    np.testing.assert_allclose(elastic(batch), 0.2 * absolute + 0.3 * squares, rtol=1e-6)
    assert list(elastic.terms(batch)) == ["l1_penalty", "l2_penalty"]


def test_patterns_choose_the_parameters():
    biases = losses.l1_penalty(1.0, patterns=["encoder/**/bias"])(seen(params=PARAMS))
    expected = np.abs(np.asarray(PARAMS["encoder"][0]["bias"])).sum()
    np.testing.assert_allclose(biases, expected, rtol=1e-6)


def test_the_gradient_of_l2_is_coupled_weight_decay():
    grads = jax.grad(lambda p: losses.l2_penalty(0.1, patterns=["**"])(seen(params=p)))(PARAMS)
    decay = ae_optax.add_decayed_weights(0.1)
    zeros = jax.tree.map(jnp.zeros_like, PARAMS)
    expected, _ = decay.update(zeros, decay.init(PARAMS), PARAMS)
    for one, other in zip(jax.tree.leaves(grads), jax.tree.leaves(expected), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-6)


def test_a_weight_may_be_a_schedule():
    falling = schedules.step_decay(1.0, factor=0.5, period=10)
    loss = losses.l2_penalty(falling)
    early, late = (float(loss(seen(params=PARAMS, step=step))) for step in (0, 10))
    assert late == pytest.approx(early / 2)


def test_code_penalties_are_their_formulas():
    code = RNG.uniform(0.05, 0.95, size=(3, 4)).astype(np.float32)
    weights = jnp.asarray([1.0, 1.0, 0.0])
    l1 = losses.code_l1(2.0)(seen(code=code, weights=weights))
    np.testing.assert_allclose(l1, 2 * np.abs(code[:2]).sum(axis=1).mean(), rtol=1e-6)
    rho, mean = 0.1, code[:2].astype(float).mean(axis=0)
    expected = rho * np.log(rho / mean) + (1 - rho) * np.log((1 - rho) / (1 - mean))
    kl = losses.code_kl(3.0, target=rho)(seen(code=code, weights=weights))
    np.testing.assert_allclose(kl, 3 * expected.sum(), rtol=1e-5)


@pytest.mark.parametrize("logit", [-80.0, -20.0, -3.0, 0.5, 12.0])
def test_the_divergence_of_activity_brings_back_a_unit_however_far_it_has_gone(logit):
    loss, target = losses.code_kl(1.0, target=0.05), 0.05

    def at(logits):
        return loss(seen(code=jax.nn.sigmoid(logits)))

    slope = jax.grad(at)(jnp.full((3, 4), logit))
    # Each of the three images has its share of the derivative in what the unit is given.
    expected = (1 / (1 + np.exp(-logit)) - target) / 3
    np.testing.assert_allclose(slope, np.full((3, 4), expected), rtol=1e-4)


@pytest.mark.parametrize("code", [-0.1, 1.1])
def test_codes_outside_of_their_range_have_no_divergence_instead_of_one_that_teaches_nothing(code):
    assert np.isnan(losses.code_kl(1.0)(seen(code=np.full((3, 2), code, np.float32))))


def test_the_divergence_of_activity_is_zero_at_the_target_and_finite_at_the_ends():
    loss = losses.code_kl(1.0, target=0.25)
    at_target = jnp.full((3, 4), 0.25)
    np.testing.assert_allclose(loss(seen(code=at_target)), 0, atol=1e-6)
    for end in (0.0, 1.0):
        code = jnp.full((3, 4), end)
        value, grad = jax.value_and_grad(lambda code: loss(seen(code=code)))(code)
        assert np.isfinite(value)
        assert value > 1
        assert np.all(np.isfinite(np.asarray(grad)))


def test_a_total_has_the_terms_and_reports_of_all():
    batch = seen(params=PARAMS)
    parts = [losses.bce_sum(), losses.l2_penalty(0.1), losses.l2_penalty(0.2, patterns=["**/bias"])]
    loss = losses.total(parts)
    assert list(loss.terms(batch)) == ["bce_sum", "l2_penalty", "l2_penalty_2"]
    assert list(loss.report(batch)) == ["bce_sum_excess"]
    assert loss.expects == "logits"
    assert loss.reconstruct is jax.nn.sigmoid
    np.testing.assert_allclose(loss(batch), sum(float(part(batch)) for part in parts), rtol=1e-6)


def test_a_total_of_penalties_alone_looks_at_no_pixels():
    loss = losses.total([losses.l1_penalty(1.0)])
    assert loss.reconstruct is None
    assert loss.expects is None


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: losses.total([]), ValueError, "`terms` must have at least one loss"),
        (
            lambda: losses.total([losses.mse(), losses.bce_sum()]),
            ValueError,
            "`terms` must agree on what the output is, got losses of values and of logits",
        ),
        (lambda: losses.l1_penalty(-1.0), ValueError, "`weight` must be at least 0"),
        (lambda: losses.l2_penalty("x"), TypeError, "`weight` must be a number"),
        (lambda: losses.l2_penalty(1.0, patterns=[]), ValueError, "`patterns` must name at least"),
        (lambda: losses.l2_penalty(1.0, patterns=[1]), TypeError, "`pattern` must be text"),
        (lambda: losses.elastic_penalty(l1=-1.0, l2=0.0), ValueError, "`l1` must be at least 0"),
        (lambda: losses.code_l1(-1.0), ValueError, "`weight` must be at least 0"),
        (lambda: losses.code_kl(-1.0), ValueError, "`weight` must be at least 0"),
        (lambda: losses.code_kl(1.0, target=1.0), ValueError, r"`target` must lie in \(0, 1\)"),
        (lambda: losses.code_kl(1.0, target="x"), TypeError, "`target` must be a number"),
    ],
)
def test_bad_arguments_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_a_penalty_of_nothing_is_refused():
    with pytest.raises(PathError, match=r"`patterns` must match a parameter, got 'kernel'"):
        losses.l2_penalty(1.0, patterns=["kernel"])(seen(params=PARAMS))
