"""How good a sparse dictionary is: what it leaves unexplained, and what it has found."""

import jax.numpy as jnp

from ae_optax._checks import check_positive_integer
from ae_optax.lab.data import planted_features
from ae_optax.lab.metrics._metric import Metric
from ae_optax.lab.metrics._moments import add_moments, no_moments
from ae_optax.lab.metrics._mse import squared_error

FOUND = 0.9
"""Above which cosine a feature counts as found."""


def fvu() -> Metric:
    r"""Measure the fraction of the variance of the set that is left unexplained.

    .. math::

        \frac{\sum_x \lVert x - r \rVert^2}{\sum_x \lVert x - \bar x \rVert^2}

    0 for a perfect reconstruction, 1 for what the mean alone reconstructs.

    Returns:
        ``fvu``.
    """

    def start(seen):
        return no_moments(), no_moments(seen.target.shape[1:])

    def add(sums, seen):
        errors, values = sums
        # Means over the numbers of an input, here and below: the fraction is the same.
        squares = squared_error(seen.output.decoded, seen.target)
        return (
            add_moments(errors, squares, seen.weights),
            add_moments(values, seen.target, seen.weights),
        )

    def finish(sums):
        errors, values = sums
        return {"fvu": errors.mean / jnp.mean(values.variance)}

    return Metric(start, add, finish)


def recovery(*, features: int, seed: int = 0) -> Metric:
    r"""Measure how many of the features of :func:`~ae_optax.lab.data.planted` a dictionary holds.

    For each planted direction :math:`d_j` the nearest of the dictionary's entries :math:`w_i` is
    looked for:

    .. math::

        \rho_j = \max_i \frac{\langle d_j, w_i \rangle}{\lVert w_i \rVert}

    Args:
        features: How many are planted, as for :func:`~ae_optax.lab.data.planted`.
        seed: Of the data, likewise.

    Returns:
        ``mean_max_cosine``, the mean of :math:`\rho_j`, and ``recovered``, the share of the
        features with :math:`\rho_j > 0.9`; of models whose parameters hold ``decoder/kernel``.

    Raises:
        TypeError: If ``features`` is no integer.
        ValueError: If ``features`` is below 1; when used, if the model has no such parameters.
    """
    check_positive_integer("features", features)

    def kernel(seen):
        try:
            return seen.params["decoder"]["kernel"]
        except (KeyError, TypeError) as error:
            raise ValueError(
                "`model` must have the parameters decoder/kernel, as topk_dictionary does, got a "
                "model that does not."
            ) from error

    def start(seen):
        return jnp.zeros_like(kernel(seen))

    def add(sums, seen):
        del sums  # It is about parameters, which do not change while a set is seen.
        return kernel(seen)

    def finish(entries):
        planted = planted_features(entries.shape[1], features, seed=seed)
        lengths = jnp.linalg.norm(entries, axis=1)
        cosines = jnp.asarray(planted, entries.dtype) @ (entries / lengths[:, None]).T
        # An entry of length zero has no direction.
        best = jnp.max(cosines, axis=1, where=(lengths > 0)[None], initial=-1.0)
        best = best.astype(jnp.float32)
        return {
            "mean_max_cosine": jnp.mean(best),
            "recovered": jnp.mean((best > FOUND).astype(jnp.float32)),
        }

    return Metric(start, add, finish)
