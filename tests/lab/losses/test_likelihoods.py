import jax
import jax.numpy as jnp
import numpy as np
import pytest
from made_up_seen import gaussian, images, seen

from ae_optax import schedules
from ae_optax.lab import losses, models


def value(loss, batch):
    (term,) = loss.terms(batch).values()
    return np.asarray(term.value)


def test_sse_is_the_sum_over_pixels():
    batch = seen()
    np.testing.assert_allclose(
        value(losses.sse(), batch), 16 * value(losses.mse(), batch), rtol=1e-6
    )
    expected = ((images(0).astype(float) - images(1)) ** 2).reshape(3, -1).sum(1)
    np.testing.assert_allclose(value(losses.sse(), batch), expected, rtol=1e-6)


@pytest.mark.parametrize("variance", [0.1, 1.0, jnp.float32(4)])
def test_a_gaussian_likelihood_has_all_its_constants(variance):
    sigma2 = float(variance)
    density = np.exp(-((images(1).astype(float) - images(0)) ** 2) / (2 * sigma2))
    density /= np.sqrt(2 * np.pi * sigma2)
    expected = -np.log(density).reshape(3, -1).sum(1)
    np.testing.assert_allclose(value(losses.gaussian_nll(variance), seen()), expected, rtol=1e-5)


def test_a_learnt_variance_is_the_one_the_model_tells_and_is_best_at_the_squared_error():
    loss = losses.gaussian_nll("learnt")

    def mean_of(log_variance):
        return jnp.mean(value_of(loss, seen(log_variance=log_variance)))

    def value_of(loss, batch):
        return loss.terms(batch)["gaussian_nll"].value

    np.testing.assert_allclose(
        value_of(loss, seen(log_variance=jnp.log(jnp.float32(0.3)))),
        value(losses.gaussian_nll(0.3), seen()),
        rtol=1e-5,
    )
    best = np.log(np.mean((images(0) - images(1)) ** 2))
    assert abs(float(jax.grad(mean_of)(jnp.float32(best)))) < 1e-5


@pytest.mark.parametrize(("name", "reduce"), [("bce_sum", np.sum), ("bce_mean", np.mean)])
def test_cross_entropy_shows_its_excess_over_the_entropy_of_grey_targets(name, reduce):
    loss = getattr(losses, name)()
    target = images(1)
    target[0] = target[0] > 0.5  # Black and white have no entropy.
    batch = seen(decoded=8 * images(0) - 4, target=target)
    t = target.astype(float)
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = -np.nan_to_num(t * np.log(t)) - np.nan_to_num((1 - t) * np.log(1 - t))
    expected = value(loss, batch) - reduce(entropy.reshape(3, -1), axis=1)
    excess = loss.report(batch)[f"{name}_excess"]
    np.testing.assert_allclose(excess, expected, rtol=1e-5)
    np.testing.assert_allclose(excess[0], value(loss, batch)[0], rtol=1e-6)
    best = seen(decoded=np.log(target[1:] / (1 - target[1:])), target=target[1:])
    np.testing.assert_allclose(loss.report(best)[f"{name}_excess"], 0, atol=1e-5)


def test_the_divergence_is_zero_at_the_prior_and_only_there():
    zeros = np.zeros((3, 5), np.float32)
    kl = value(losses.gaussian_kl(), seen(posterior=models.Gaussian(zeros, zeros)))
    np.testing.assert_array_equal(kl, 0)
    assert np.all(value(losses.gaussian_kl(), seen(posterior=gaussian())) > 0)
    near = models.Gaussian(zeros, zeros + np.float32(1e-3))
    np.testing.assert_allclose(
        value(losses.gaussian_kl(), seen(posterior=near)),
        5 * (np.expm1(1e-3) - 1e-3) / 2,
        rtol=1e-2,
    )


def test_the_divergence_is_the_mean_of_the_ratio_of_densities():
    posterior = gaussian(n=1, code=2)
    mean, log_variance = (np.asarray(part[0], float) for part in posterior)
    noise = np.random.default_rng(3).normal(size=(400_000, 2))
    z = mean + np.exp(log_variance / 2) * noise
    log_ratio = (-(noise**2) - log_variance + z**2).sum(axis=1) / 2
    error = log_ratio.std() / np.sqrt(len(noise))
    kl = value(losses.gaussian_kl(), seen(decoded=images(0, n=1), posterior=posterior))
    assert abs(kl[0] - log_ratio.mean()) < 4 * error


def test_the_bound_is_met_by_the_evidence_of_a_linear_gaussian_model():
    # p(z) = N(0, 1), p(x|z) = N(w z, s2): log p(x) is known, and the bound is exact at the
    # true posterior, whatever z is drawn only on average.
    w, s2, x = 0.7, 0.5, 0.9
    precision = 1 + w**2 / s2
    mean, variance = w * x / s2 / precision, 1 / precision
    z = mean + np.sqrt(variance) * np.random.default_rng(0).normal(size=200_000)
    batch = seen(
        decoded=(w * z).astype(np.float32)[:, None, None],
        target=np.full((len(z), 1, 1), x, np.float32),
        posterior=models.Gaussian(
            jnp.full((len(z), 1), mean, jnp.float32),
            jnp.full((len(z), 1), np.log(variance), jnp.float32),
        ),
    )
    evidence = -(np.log(2 * np.pi * (w**2 + s2)) + x**2 / (w**2 + s2)) / 2
    loss = losses.negative_elbo(losses.gaussian_nll(s2))
    np.testing.assert_allclose(float(loss(batch)), -evidence, atol=5e-3)
    np.testing.assert_allclose(np.mean(loss.report(batch)["elbo"]), evidence, atol=5e-3)


@pytest.mark.parametrize(("step", "weight"), [(0, 0.0), (5, 0.5), (10, 1.0), (99, 1.0)])
def test_the_weight_of_the_divergence_may_be_warmed_up(step, weight):
    beta = schedules.linear(0.0, end_value=1.0, duration=10)
    loss = losses.negative_elbo(losses.bce_sum(), beta=beta)
    batch = seen(step=step, posterior=gaussian())
    terms = loss.terms(batch)
    nll, kl = (np.mean(terms[name].value) for name in ("bce_sum", "kl"))
    np.testing.assert_allclose(loss(batch), nll + weight * kl, rtol=1e-6)
    report = loss.report(batch)
    np.testing.assert_allclose(np.mean(report["elbo"]), -(nll + kl), rtol=1e-6)
    assert "bce_sum_excess" in report


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: losses.gaussian_nll(0.0), ValueError, "`variance` must be positive"),
        (lambda: losses.gaussian_nll("x"), TypeError, "`variance` must be a number"),
        (lambda: losses.gaussian_kl(-1.0), ValueError, "`weight` must be at least 0"),
        (lambda: losses.gaussian_kl("x"), TypeError, "`weight` must be a number"),
        (lambda: losses.negative_elbo(losses.bce_sum(), beta=-1.0), ValueError, "`beta` must be"),
        (lambda: losses.negative_elbo(losses.mse()), ValueError, "`likelihood` must be -log p"),
        (lambda: losses.negative_elbo(losses.bce_mean()), ValueError, "cross-entropies bce_sum"),
    ],
)
def test_bad_arguments_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


@pytest.mark.parametrize(
    ("loss", "what"),
    [
        (losses.gaussian_kl(), "posterior, as variational_autoencoder does"),
        (losses.gaussian_nll("learnt"), "variance of the pixels, as variational_autoencoder"),
        (losses.code_l1(1.0), "code, as mlp_autoencoder does"),
        (losses.code_kl(1.0), "code, as mlp_autoencoder does"),
    ],
)
def test_what_the_model_does_not_tell_is_asked_for_by_name(loss, what):
    with pytest.raises(ValueError, match=f"`model` must tell its {what}"):
        loss.terms(seen())
