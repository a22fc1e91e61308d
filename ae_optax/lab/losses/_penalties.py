"""Penalties of large parameters."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp

from ae_optax._types import ScalarOrSchedule
from ae_optax.lab.losses._loss import Loss, Term
from ae_optax.lab.losses._total import total
from ae_optax.lab.losses._weights import check_weight, weight_at
from ae_optax.transforms import PathError, path_mask

KERNELS = ("**/kernel",)


def l1_penalty(weight: ScalarOrSchedule, *, patterns: Sequence[str] = KERNELS) -> Loss:
    r"""Penalise the absolute values of parameters: :math:`\lambda \sum_i |\theta_i|`.

    Args:
        weight: :math:`\lambda \ge 0`: a number, or a schedule of the step.
        patterns: Of paths of the parameters it is about, as in :func:`~ae_optax.path_mask`;
            kernels, not biases, by default.

    Returns:
        A loss of one term, which is reported without :math:`\lambda`.

    Raises:
        ValueError: If ``weight`` is negative or there are no patterns; when used, if they match no
            parameter.
        TypeError: If ``weight`` is neither a number nor a schedule, or a pattern no text.
    """
    return _penalty("l1_penalty", jnp.abs, weight, patterns)


def l2_penalty(weight: ScalarOrSchedule, *, patterns: Sequence[str] = KERNELS) -> Loss:
    r"""Penalise the squares of parameters: :math:`\tfrac{\lambda}{2} \sum_i \theta_i^2`.

    The half makes its gradient :math:`\lambda \theta`: what ``add_decayed_weights`` adds before an
    optimizer, and PyTorch calls ``weight_decay``. Keras leaves it out.

    Args:
        weight: :math:`\lambda \ge 0`: a number, or a schedule of the step.
        patterns: Of paths of the parameters it is about, as in :func:`~ae_optax.path_mask`;
            kernels, not biases, by default.

    Returns:
        A loss of one term, which is reported without :math:`\lambda`.

    Raises:
        ValueError: If ``weight`` is negative or there are no patterns; when used, if they match no
            parameter.
        TypeError: If ``weight`` is neither a number nor a schedule, or a pattern no text.
    """
    return _penalty("l2_penalty", lambda x: jnp.square(x) / 2, weight, patterns)


def elastic_penalty(
    *, l1: ScalarOrSchedule, l2: ScalarOrSchedule, patterns: Sequence[str] = KERNELS
) -> Loss:
    r"""Penalise absolute values and squares.

    .. math::

        \lambda_1 \sum_i |\theta_i| + \tfrac{\lambda_2}{2} \sum_i \theta_i^2

    Args:
        l1: :math:`\lambda_1 \ge 0`: a number, or a schedule of the step.
        l2: :math:`\lambda_2 \ge 0`, likewise.
        patterns: As in :func:`l1_penalty`.

    Returns:
        A loss with the terms ``l1_penalty`` and ``l2_penalty``.

    Raises:
        ValueError: If a weight is negative or there are no patterns; when used, if they match no
            parameter.
        TypeError: If a weight is neither a number nor a schedule, or a pattern no text.

    References:
        Zou and Hastie, `Regularization and Variable Selection via the Elastic Net
        <https://doi.org/10.1111/j.1467-9868.2005.00503.x>`_, JRSS B 67, 2005.
    """
    check_weight("l1", l1)
    check_weight("l2", l2)
    return total([l1_penalty(l1, patterns=patterns), l2_penalty(l2, patterns=patterns)])


def _penalty(
    name: str,
    of_number: Callable[[jax.Array], jax.Array],
    weight: ScalarOrSchedule,
    patterns: Sequence[str],
) -> Loss:
    check_weight("weight", weight)
    mask = path_mask(*patterns)

    def terms(seen):
        leaves, marks = jax.tree.leaves(seen.params), jax.tree.leaves(mask(seen.params))
        chosen = [leaf for leaf, mark in zip(leaves, marks, strict=True) if mark]
        if not chosen:
            raise PathError(
                f"`patterns` must match a parameter, got {', '.join(map(repr, patterns))}."
            )
        sums = [jnp.sum(of_number(leaf)) for leaf in chosen]
        return {name: Term(sum(sums[1:], sums[0]), weight_at(weight, seen.step))}

    return Loss(terms, reconstruct=None, expects=None)
