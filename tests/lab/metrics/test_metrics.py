import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from ae_optax.lab import data, losses, metrics, models

RNG = np.random.default_rng(0)
X, R, GIVEN = RNG.uniform(size=(3, 7, 16, 14)).astype(np.float32)
CODE = np.maximum(RNG.normal(size=(7, 5)), 0).astype(np.float32) * [1, 1, 0, 1, 1]
CODE = CODE.astype(np.float32)
MEAN = (RNG.normal(size=(7, 5)) * [1, 0.5, 0.3, 0.05, 0]).astype(np.float32) + np.float32(2)


def found(metric, size=3, target=X, decoded=R, given=GIVEN):
    """Return what a metric finds of all images, seen in batches of which the last is padded."""

    def batch(start):
        where = np.minimum(np.arange(start, start + size), len(target) - 1)
        weights = (np.arange(start, start + size) < len(target)).astype(np.float32)
        posterior = models.Gaussian(MEAN[where], np.zeros_like(MEAN[where]))
        output = models.Output(decoded[where], CODE[where], posterior)
        given_here = None if given is None else given[where]
        return losses.Seen(output, target[where], {}, np.int32(0), weights, given_here)

    add = jax.jit(metric.add)
    sums = metric.start(batch(0))
    for start in range(0, len(target), size):
        sums = add(sums, batch(start))
    return {name: float(value) for name, value in metric.finish(sums).items()}


def assert_mean_and_deviation(result, name, values):
    assert set(result) == {name, f"{name}_std"}
    np.testing.assert_allclose(result[name], values.mean(), rtol=1e-5)
    np.testing.assert_allclose(result[f"{name}_std"], values.std(), rtol=1e-4)


def squares(images):
    return ((X.astype(float) - images) ** 2).mean(axis=(1, 2))


def test_mse_is_that_of_pixels():
    assert_mean_and_deviation(found(metrics.mse()), "mse", squares(R))


def test_psnr_is_that_of_the_output_and_of_the_input():
    assert_mean_and_deviation(found(metrics.psnr()), "psnr", -10 * np.log10(squares(R)))
    ratios = -10 * np.log10(squares(GIVEN))
    assert_mean_and_deviation(found(metrics.input_psnr()), "input_psnr", ratios)


def test_psnr_is_had_of_each_image_too():
    found_of_each = metrics.psnr_of_each(jnp.asarray(R), jnp.asarray(X))
    np.testing.assert_allclose(found_of_each, -10 * np.log10(squares(R)), rtol=1e-5)
    assert metrics.psnr_of_each(jnp.asarray(X), jnp.asarray(X)).tolist() == pytest.approx([100] * 7)


def test_what_is_met_exactly_counts_a_hundred_decibels():
    assert found(metrics.psnr(), decoded=X)["psnr"] == pytest.approx(100)
    assert found(metrics.input_psnr(), given=None)["input_psnr"] == pytest.approx(100)


def ssim_of(x, r, window):
    """Return Wang's similarity, by SciPy's filter, of two images (h, w)."""
    half = window // 2

    def smooth(image):
        out = ndimage.gaussian_filter(image, 1.5, radius=half)
        return out[half : out.shape[0] - half, half : out.shape[1] - half]

    x, r = x.astype(float), r.astype(float)
    mx, mr = smooth(x), smooth(r)
    vx, vr, cov = smooth(x**2) - mx**2, smooth(r**2) - mr**2, smooth(x * r) - mx * mr
    top = (2 * mx * mr + 0.01**2) * (2 * cov + 0.03**2)
    return (top / ((mx**2 + mr**2 + 0.01**2) * (vx + vr + 0.03**2))).mean()


@pytest.mark.parametrize("window", [11, 7])
def test_ssim_is_that_of_wang(window):
    similar = (0.7 * X + 0.3 * R).astype(np.float32)
    values = np.array([ssim_of(x, r, window) for x, r in zip(X, similar, strict=True)])
    result = found(metrics.ssim(window=window), decoded=similar)
    assert_mean_and_deviation(result, "ssim", values)
    assert 0.3 < result["ssim"] < 0.99


def test_ssim_of_colours_is_the_mean_over_channels_and_one_for_equal_images():
    colour, other = (np.stack([a, b], axis=-1) for a, b in ((X, R), (R, X)))
    values = np.array([ssim_of(x, r, 11) for x, r in zip(X, R, strict=True)])
    assert_mean_and_deviation(found(metrics.ssim(), target=colour, decoded=other), "ssim", values)
    assert found(metrics.ssim(), decoded=X)["ssim"] == pytest.approx(1)


def test_active_units_are_those_whose_posterior_mean_varies_over_the_set():
    variances = MEAN.astype(float).var(axis=0)
    assert found(metrics.active_units()) == {"active_units": (variances > 0.01).sum()}
    threshold = float(np.sort(variances)[-2]) * 1.01
    assert found(metrics.active_units(threshold=threshold)) == {"active_units": 1}


def test_dead_units_are_those_that_are_zero_for_all_images():
    assert found(metrics.dead_units()) == {
        "dead_units": pytest.approx((CODE == 0).all(axis=0).mean())
    }
    assert (CODE == 0).all(axis=0).sum() == 1


def test_sparsity_is_the_number_of_units_in_use():
    assert_mean_and_deviation(found(metrics.code_l0()), "code_l0", (CODE != 0).sum(axis=1))


@pytest.mark.parametrize(
    ("metric", "what"),
    [
        (metrics.active_units(), "posterior"),
        (metrics.dead_units(), "code"),
        (metrics.code_l0(), "code"),
    ],
)
def test_what_the_model_does_not_tell_is_asked_for_by_name(metric, what):
    seen = losses.Seen(models.Output(R), X, {}, jnp.int32(0), jnp.ones(7))
    with pytest.raises(ValueError, match=f"`model` must tell its {what}"):
        metric.add(metric.start(seen), seen)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: metrics.ssim(window=4), ValueError, "`window` must be odd, got 4"),
        (lambda: metrics.ssim(window=0), ValueError, "`window` must be at least 1"),
        (lambda: metrics.ssim(window=3.0), TypeError, "`window` must be an integer"),
        (lambda: metrics.active_units(threshold=-1.0), ValueError, "`threshold` must be at least"),
        (
            lambda: found(metrics.ssim(window=15)),
            ValueError,
            "`window` must be at most the sides of the images, 16 and 14, got 15",
        ),
    ],
)
def test_bad_arguments_are_refused(make, error, message):
    with pytest.raises(error, match=message):
        make()


def test_unexplained_variance_is_one_for_the_mean_and_the_share_of_it_otherwise():
    target = np.random.default_rng(0).normal(3, 2, size=(20, 5)).astype(np.float32)

    def share(decoded):
        batch = losses.Seen(models.Output(decoded), target, {}, 0, np.ones(20, np.float32))
        metric = metrics.fvu()
        return metric.finish(metric.add(metric.start(batch), batch))["fvu"]

    np.testing.assert_allclose(share(np.broadcast_to(target.mean(0), target.shape)), 1, rtol=1e-5)
    half = target.mean(0) + 0.5 * (target - target.mean(0))
    np.testing.assert_allclose(share(half), 0.25, rtol=1e-5)


def test_what_is_recovered_is_what_is_near_a_planted_direction():
    planted = data.planted_features(30, 4, seed=3)
    rng = np.random.default_rng(0)
    across = rng.normal(size=30)
    across -= planted[1] * (across @ planted[1])
    turned = 0.8 * planted[1] + 0.6 * across / np.linalg.norm(across)
    entries = np.stack([5 * planted[0], turned, -planted[2], np.zeros(30)]).astype(np.float32)
    batch = losses.Seen(None, None, {"decoder": {"kernel": entries}}, 0)
    metric = metrics.recovery(features=4, seed=3)
    told = metric.finish(metric.add(metric.start(batch), batch))
    cosines = planted @ (entries[:3] / np.linalg.norm(entries[:3], axis=1, keepdims=True)).T
    np.testing.assert_allclose(told["mean_max_cosine"], cosines.max(1).mean(), rtol=1e-5)
    assert cosines[0].max() == pytest.approx(1)
    assert cosines[1].max() == pytest.approx(0.8)
    assert told["recovered"] == 0.25


def labelled(codes, labels, n_classes=3):
    classes = np.eye(n_classes, dtype=np.float32)[labels]
    output = models.Output(None, codes.astype(np.float32))
    return losses.Seen(output, None, {}, 0, np.ones(len(codes), np.float32), classes=classes)


def accuracy(metric, seen):
    (value,) = metric.finish(metric.add(metric.start(seen), seen)).values()
    return float(value)


def some_codes(n=60, width=4):
    rng = np.random.default_rng(3)
    labels = rng.integers(3, size=n)
    return 20 + rng.normal(size=(n, width)) + 1.5 * np.eye(3, width)[labels], labels


def voted(codes, labels, i, k):
    """Return the class of most of the k nearest, the nearer one of equals."""
    distances = np.linalg.norm(codes - codes[i], axis=1)
    near = [labels[j] for j in np.argsort(distances) if j != i][:k]
    return max(near, key=near.count)


@pytest.mark.parametrize("k", [1, 4])
def test_neighbours_vote_on_the_class_of_an_image_that_is_not_among_them(k):
    codes, labels = some_codes()
    right = np.mean([voted(codes, labels, i, k) == labels[i] for i in range(len(codes))])
    assert 0.4 < right < 0.95
    assert accuracy(metrics.knn_accuracy(k=k), labelled(codes, labels)) == pytest.approx(right)
    first = np.mean([voted(codes[:25], labels[:25], i, k) == labels[i] for i in range(25)])
    found_of_first = accuracy(metrics.knn_accuracy(k=k, images=25), labelled(codes, labels))
    assert found_of_first == pytest.approx(first)


def test_a_linear_probe_is_that_of_a_fit_to_all_other_images():
    codes, labels = some_codes()
    ridge, penalty = 0.5, 0.5 * np.mean(np.var(codes, axis=0)) * len(codes)
    right = []
    for i in range(len(codes)):
        z, y = np.delete(codes, i, 0), np.eye(3)[np.delete(labels, i)]
        centre, mean = z.mean(0), y.mean(0)
        z = z - centre
        weights = np.linalg.solve(z.T @ z + penalty * np.eye(4), z.T @ (y - mean))
        right.append(np.argmax(mean + (codes[i] - centre) @ weights) == labels[i])
    assert 0.4 < np.mean(right) < 0.95
    found_by_it = accuracy(metrics.linear_probe_accuracy(ridge=ridge), labelled(codes, labels))
    assert found_by_it == pytest.approx(np.mean(right))


def test_codes_that_are_all_equal_tell_the_most_frequent_class_at_best():
    labels = np.array([0, 1, 1, 1, 2])
    seen = labelled(np.ones((5, 4)), labels)
    assert accuracy(metrics.linear_probe_accuracy(), seen) == pytest.approx(0.6)


@pytest.mark.parametrize("make", [metrics.knn_accuracy, metrics.linear_probe_accuracy])
def test_what_is_about_classes_wants_labels(make):
    with pytest.raises(ValueError, match="`data` must have labels"):
        make().start(labelled(*some_codes())._replace(classes=None))
