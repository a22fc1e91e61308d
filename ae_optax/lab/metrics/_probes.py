"""What codes tell of the classes of images: probes that are fitted to them."""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp

from ae_optax._checks import check_at_least, check_positive
from ae_optax._matrices._products import product
from ae_optax.lab.metrics._metric import Metric


class Codes(NamedTuple):
    """The first codes of a set, with their classes.

    Attributes:
        codes: Shape (room, code), float32; zeros where nothing is yet.
        classes: One-hot; shape (room, classes), float32.
        count: How many there are; shape (), int32.
    """

    codes: jax.Array
    classes: jax.Array
    count: jax.Array


def knn_accuracy(*, k: int = 5, images: int = 2000) -> Metric:
    r"""Measure how often the nearest codes are of images of the same class.

    Each image is given the class of most of the :math:`k` others whose codes are nearest to its
    own, by Euclidean distance; among classes that are equally frequent, the one that comes nearest.
    No other set is needed: an image is never its own neighbour.

    Args:
        k: Neighbours that vote, at least 1.
        images: How many of the set are looked at, its first ones, more than ``k``: time and memory
            grow with the square.

    Returns:
        ``knn_accuracy``, in [0, 1], of data with labels and models that tell their code: the mean
        of the posterior, where codes are drawn from one.

    Raises:
        TypeError: If ``k`` or ``images`` is no integer.
        ValueError: If one is out of range; when used, if there are no labels or no code.

    References:
        Cover and Hart, `Nearest Neighbor Pattern Classification
        <https://doi.org/10.1109/TIT.1967.1053964>`_, IEEE Transactions on Information Theory 13,
        1967.
    """
    check_at_least("k", k, 1)
    check_at_least("images", images, k + 1)

    def predict(z, y, present):
        # About their mean, so that the difference of squares keeps its digits.
        squares = jnp.sum(jnp.square(z), axis=1)
        distances = squares[:, None] + squares[None] - 2 * product(z, z.T)
        others = present[None] & ~jnp.eye(images, dtype=bool)
        near, where = jax.lax.top_k(jnp.where(others, -distances, -jnp.inf), k)
        voters = jnp.where(jnp.isfinite(near)[..., None], y[where], 0)
        votes = jnp.einsum("nic,njc->nj", voters, voters)
        return y[jnp.take_along_axis(where, jnp.argmax(votes, axis=1)[:, None], axis=1)[:, 0]]

    return _of_codes("knn_accuracy", predict, images)


def linear_probe_accuracy(*, ridge: float = 1e-3, images: int = 2000) -> Metric:
    r"""Measure how often a linear classifier of the codes is right about images it has not seen.

    One-hot classes :math:`y` are regressed on codes :math:`z`, with an intercept:

    .. math::

        \min_{W, b} \sum_i \lVert W z_i + b - y_i \rVert^2
            + \lambda\, n\, \bar\sigma^2 \lVert W \rVert^2

    :math:`\bar\sigma^2` is the mean variance of the code's units. Each image is classified by the
    fit to all others, which needs no second fit: with :math:`h_i` the leverage of the image, the
    residual is :math:`1 / (1 - h_i)` times that of the fit to all.

    Args:
        ridge: :math:`\lambda > 0`.
        images: How many of the set are looked at, its first ones, at least 2.

    Returns:
        ``linear_probe_accuracy``, in [0, 1], of data with labels and models that tell their code:
        the mean of the posterior, where codes are drawn from one.

    Raises:
        TypeError: If ``ridge`` is no number or ``images`` no integer.
        ValueError: If one is out of range; when used, if there are no labels or no code.

    References:
        Alain and Bengio, `Understanding Intermediate Layers Using Linear Classifier Probes
        <https://arxiv.org/abs/1610.01644>`_, 2016; Allen, `The Relationship between Variable
        Selection and Data Augmentation and a Method for Prediction
        <https://doi.org/10.1080/00401706.1974.10489157>`_, Technometrics 16, 1974.
    """
    check_positive("ridge", ridge)
    check_at_least("images", images, 2)

    def predict(z, y, present):
        n = jnp.sum(present.astype(jnp.float32))
        mean = jnp.sum(y, axis=0) / n
        moments = product(z.T, z) / n
        variance = jnp.trace(moments) / len(moments)
        weight = jnp.where(variance > 0, ridge * variance, 1)
        factor = jax.scipy.linalg.cho_factor(moments + weight * jnp.eye(len(moments)))
        solved = jax.scipy.linalg.cho_solve(factor, z.T).T / n
        leverage = 1 / n + jnp.sum(z * solved, axis=1)
        fitted = mean[None] + product(solved, product(z.T, y - mean[None]))
        return y - (y - fitted) / (1 - leverage)[:, None]

    return _of_codes("linear_probe_accuracy", predict, images)


def _of_codes(
    name: str, predict: Callable[[jax.Array, jax.Array, jax.Array], jax.Array], room: int
) -> Metric:
    """Make a metric of the share of images whose class has the highest score.

    Args:
        name: What it is reported as.
        predict: ``predict(codes, classes, present) -> scores`` of shape (room, classes), given
            codes about their mean and zeros where ``present`` is false.
        room: How many images are looked at, the first ones.
    """

    def parts(seen):
        if seen.classes is None:
            raise ValueError(
                f"`data` must have labels for {name}, got none: digits and MNIST have them, "
                "folders by class, and npz files with an array `labels`."
            )
        code = seen.output.mean_code
        code = seen.require("code") if code is None else code
        return code, seen.classes

    def start(seen):
        # Known by their shapes only.
        code, classes = (math.prod(part.shape[1:]) for part in parts(seen))
        return Codes(
            codes=jnp.zeros((room, code), jnp.float32),
            classes=jnp.zeros((room, classes), jnp.float32),
            count=jnp.zeros([], jnp.int32),
        )

    def add(sums, seen):
        code, classes = parts(seen)
        here = (seen.weights > 0).astype(jnp.int32)
        # What does not count, and what there is no room for, goes nowhere.
        places = jnp.where(here > 0, sums.count + jnp.cumsum(here) - 1, room)
        return Codes(
            sums.codes.at[places].set(
                code.reshape(len(places), -1).astype(jnp.float32), mode="drop"
            ),
            sums.classes.at[places].set(classes.astype(jnp.float32), mode="drop"),
            sums.count + jnp.sum(here),
        )

    def finish(sums):
        present = jnp.arange(room) < sums.count
        n = jnp.sum(present.astype(jnp.float32))
        mean = jnp.sum(sums.codes, axis=0) / n
        codes = jnp.where(present[:, None], sums.codes - mean[None], 0)
        scores = predict(codes, sums.classes, present)
        right = jnp.argmax(scores, axis=1) == jnp.argmax(sums.classes, axis=1)
        return {name: jnp.sum((right & present).astype(jnp.float32)) / n}

    return Metric(start, add, finish)
