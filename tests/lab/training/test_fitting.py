import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ae_optax
from ae_optax.lab import corruptions, data, losses, metrics, models, training

IMAGES = np.random.default_rng(0).uniform(size=(6, 4, 4)).astype(np.float32)
DATA = data.Dataset("tiny", data.Splits(IMAGES, IMAGES, IMAGES), source="", fingerprint="")
PLAIN = models.mlp_autoencoder([], 2, output="linear")
VARIATIONAL = models.variational_autoencoder([], 2)
SPARSE = losses.total([losses.mse(), losses.code_kl(1.0)])
ELBO = losses.negative_elbo(losses.bce_sum())


def nothing(key, x):
    return {}, {}


def first_two_rows(params, state, x, key, train):
    return x[:, :2], state


def test_what_fits_is_accepted():
    active, l0 = [metrics.active_units()], [metrics.code_l0()]
    training.check_fitting(training.Task(VARIATIONAL, ELBO, DATA, metrics=active))
    training.check_fitting(training.Task(PLAIN, losses.mse(), DATA, metrics=l0))
    squashed = models.mlp_autoencoder([], 2, code_activation="sigmoid")
    training.check_fitting(training.Task(squashed, SPARSE, DATA))


@pytest.mark.parametrize(
    ("model", "loss", "metric", "message"),
    [
        (PLAIN, ELBO, metrics.psnr(), "`model` must tell its posterior"),
        (PLAIN, losses.mse(), metrics.active_units(), "`model` must tell its posterior"),
        (
            models.conv_encoder_decoder([2, 3], skips=1),
            losses.total([losses.mse(), losses.code_l1(1.0)]),
            metrics.psnr(),
            "`model` must tell its code",
        ),
        (VARIATIONAL, losses.gaussian_nll("learnt"), metrics.psnr(), "must tell its variance"),
        (
            models.Model(nothing, first_two_rows),
            losses.mse(),
            metrics.psnr(),
            r"`model` must give back the shape of the images, \(1, 4, 4\), got \(1, 2, 4\)",
        ),
        (PLAIN, SPARSE, metrics.psnr(), r"codes in \[0, 1\], but the model's lie in \[-inf, inf\]"),
        (models.relu_dictionary(3), SPARSE, metrics.psnr(), r"the model's lie in \[0, inf\]"),
        (VARIATIONAL, SPARSE, metrics.psnr(), "use a loss of codes of any range, such as code_l1"),
        (PLAIN, losses.mse(), metrics.ssim(), "`window` must be at most the sides"),
        (PLAIN, losses.l2_penalty(1.0, patterns=["x"]), metrics.psnr(), "`patterns` must match"),
    ],
)
def test_what_does_not_fit_is_refused(model, loss, metric, message):
    with pytest.raises(ValueError, match=message):
        training.check_fitting(training.Task(model, loss, DATA, metrics=[metric]))


def test_metrics_see_what_the_model_was_given_and_evaluations_draw_the_same_codes():
    state = jax.jit(
        lambda: training.init_state(VARIATIONAL, ae_optax.sgd(1.0), jnp.asarray(IMAGES), 0)
    )()
    black = corruptions.knockout(1.0)
    task = training.Task(VARIATIONAL, ELBO, corruption=black, metrics=[metrics.input_psnr()])
    evaluate = jax.jit(training.make_evaluate(task))
    first, again = evaluate(state, IMAGES), evaluate(state, IMAGES)
    assert set(first) == {
        *("loss", "bce_sum", "kl", "elbo", "bce_sum_excess"),
        *("input_psnr", "input_psnr_std"),
    }
    ratios = -10 * np.log10(np.mean(IMAGES.astype(float) ** 2, axis=(1, 2)))
    np.testing.assert_allclose(first["input_psnr"], ratios.mean(), rtol=1e-5)
    np.testing.assert_allclose(first["loss"], first["bce_sum"] + first["kl"], rtol=1e-6)
    assert first == again


def test_a_result_and_a_model_print_in_a_few_lines():
    task = training.Task(models.mlp_autoencoder([], 2), losses.mse(), DATA)
    result = training.fit(task, ae_optax.sgd(0.1), training.Settings(epochs=2, batch_size=3))
    assert repr(result).startswith("<FitResult: done after 4 steps; <2 epochs, the last: train 0.")
    assert repr(task.model) == "<Model MlpAutoencoder, of values in [0, 1], decodes codes>"
    shown = result._repr_html_()
    assert shown.count("<tr>") == 3
    assert "<th>test loss</th>" in shown
    assert "<svg" in result.plot()._repr_svg_()
    assert "validation" in result.plot().svg
    assert repr(result.state) == "<TrainState: step 4, 82 parameters, 2 numbers of the optimizer>"
    shapes = jax.eval_shape(lambda: result.state)
    assert repr(shapes) == "<TrainState: 82 parameters, 2 numbers of the optimizer>"
    assert repr(task.loss) == "<Loss mse, of values>"
    assert repr(ELBO) == "<Loss total, of logits>"
    assert "<th>train</th><td>6</td>" in DATA._repr_html_()
    many = type(result.rows)([result.rows[0]] * 50)
    assert many._repr_html_().count("<tr>") == 22


def test_metrics_of_classes_see_the_labels_of_each_set():
    codes = np.repeat(np.eye(3, 4), 8, axis=0).astype(np.float32)
    labels = np.repeat([0, 1, 2], 8)
    given = {"train": labels, "validation": labels, "test": np.roll(labels, 4)}
    known = data.from_arrays(codes, validation=codes, test=codes, labels=given)
    linear = models.mlp_autoencoder([], 4, output="linear")
    task = training.Task(linear, losses.mse(), known, metrics=[metrics.knn_accuracy(k=3)])
    training.check_fitting(task)
    row = training.fit(task, ae_optax.sgd(0.0), training.Settings(epochs=1, batch_size=24)).rows[0]
    assert row.metrics["validation_knn_accuracy"] == 1
    assert row.metrics["test_knn_accuracy"] < 1
    with pytest.raises(ValueError, match="`data` must have labels for knn_accuracy, got none"):
        training.check_fitting(task._replace(data=DATA))
