"""Penalties of codes that are not sparse."""

import jax
import jax.numpy as jnp
from jax.scipy.special import xlogy

from ae_optax._checks import check_number, is_plain_number
from ae_optax._numbers import scalar
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.lab.losses._loss import Loss, Term, over_pixels
from ae_optax.lab.losses._weights import check_weight, weight_at


def code_l1(weight: ScalarOrSchedule) -> Loss:
    r"""Penalise the absolute values of the code: :math:`\lambda \sum_j |c_j|`.

    Args:
        weight: :math:`\lambda \ge 0`: a number, or a schedule of the step.

    Returns:
        A loss of models that tell their code, of one term, reported without :math:`\lambda`.

    Raises:
        ValueError: If ``weight`` is negative; when used, if the model tells no code.
        TypeError: If ``weight`` is neither a number nor a schedule.
    """
    check_weight("weight", weight)

    def terms(seen):
        values = jnp.sum(jnp.abs(seen.require("code")), axis=-1)
        return {"code_l1": Term(values, weight_at(weight, seen.step))}

    return Loss(terms, reconstruct=None, expects=None)


def code_l0(weight: ScalarOrSchedule) -> Loss:
    r"""Penalise the number of units in use: :math:`\lambda \sum_j [c_j \neq 0]`.

    It is constant almost everywhere; what is followed is the derivative that the model gives it.

    Args:
        weight: :math:`\lambda \ge 0`: a number, or a schedule of the step.

    Returns:
        A loss of models that give it a derivative,
        :func:`~ae_optax.lab.models.jump_relu_dictionary`, of one term, reported without
        :math:`\lambda`.

    Raises:
        ValueError: If ``weight`` is negative; when used, if the model gives no derivative.
        TypeError: If ``weight`` is neither a number nor a schedule.

    References:
        Rajamanoharan et al., `Jumping Ahead: Improving Reconstruction Fidelity with JumpReLU Sparse
        Autoencoders <https://arxiv.org/abs/2407.14435>`_, 2024.
    """
    check_weight("weight", weight)

    def terms(seen):
        return {"code_l0": Term(seen.require("l0"), weight_at(weight, seen.step))}

    return Loss(terms, reconstruct=None, expects=None)


def revival(weight: ScalarOrSchedule = 1 / 32) -> Loss:
    r"""Let dead units of a dictionary learn what the others leave unexplained.

    .. math::

        \lambda\, \frac1d \lVert e - \hat e \rVert^2, \qquad e = x - r

    where :math:`\hat e` is what the largest of the dead units decode to, half as many as there are
    inputs at the most, and :math:`e` is taken as given. An image of which no dead unit says
    anything counts 0. Known as the auxiliary loss of k-sparse dictionaries.

    Args:
        weight: :math:`\lambda \ge 0`: a number, or a schedule of the step.

    Returns:
        A loss of dictionaries, of one term, reported without :math:`\lambda`.

    Raises:
        ValueError: If ``weight`` is negative; when used, if the model tells nothing of dead units.
        TypeError: If ``weight`` is neither a number nor a schedule.

    References:
        Gao et al., `Scaling and Evaluating Sparse Autoencoders
        <https://arxiv.org/abs/2406.04093>`_, ICLR 2025.
    """
    check_weight("weight", weight)

    def terms(seen):
        found = seen.require("revived")
        missing = jax.lax.stop_gradient(seen.target - seen.output.decoded)
        values = over_pixels(jnp.mean, jnp.square(missing - found))
        values = jnp.where(over_pixels(jnp.any, found != 0), values, 0)
        return {"revival": Term(values, weight_at(weight, seen.step))}

    return Loss(terms, reconstruct=None, expects=None)


def code_kl(weight: ScalarOrSchedule, *, target: Scalar = 0.05) -> Loss:
    r"""Penalise units of the code that are not active as often as they should be.

    .. math::

        \lambda \sum_j \left[ \rho \log \frac{\rho}{\hat\rho_j}
            + (1 - \rho) \log \frac{1 - \rho}{1 - \hat\rho_j} \right]

    where :math:`\hat\rho_j` is the mean of unit j over the batch. For codes in [0, 1], of a
    sigmoid, whose units come back however far they have gone: in what the sigmoid is given the
    slope is :math:`\lambda (\hat\rho_j - \rho)` for a unit that gives one number for all images.
    A mean of exactly 0 or 1 counts as the number next to it, and beyond them the loss is NaN.

    Args:
        weight: :math:`\lambda \ge 0`: a number, or a schedule of the step.
        target: :math:`\rho \in (0, 1)`, the mean that is asked for.

    Returns:
        A loss of models that tell their code, of one term, reported without :math:`\lambda`.

    Raises:
        ValueError: If ``weight`` is negative or ``target`` outside (0, 1); when used, if the model
            tells no code or one that leaves [0, 1], of which the divergence is no function.
        TypeError: If ``weight`` is neither a number nor a schedule, or ``target`` no number.

    References:
        Ng, `Sparse Autoencoder
        <https://web.stanford.edu/class/cs294a/sparseAutoencoder.pdf>`_, 2011.
    """
    check_weight("weight", weight)
    check_number("target", target)
    if is_plain_number(target) and not 0 < target < 1:
        raise ValueError(f"`target` must lie in (0, 1), got {target!r}.")

    def terms(seen):
        means = seen.mean(seen.require("code"))
        limits = jnp.finfo(means.dtype)
        rho = jnp.asarray(scalar(target, means), means.dtype)
        entropy = xlogy(rho, rho) + xlogy(1 - rho, 1 - rho)
        on = jnp.log(jnp.maximum(means, limits.tiny))
        off = jnp.log(jnp.maximum(1 - means, limits.epsneg))
        values = entropy - rho * on - (1 - rho) * off
        # Of a model whose codes may lie anywhere: constant, it would teach nothing in silence.
        values = jnp.where((means >= 0) & (means <= 1), values, jnp.nan)
        return {"code_kl": Term(jnp.sum(values), weight_at(weight, seen.step))}

    return Loss(terms, reconstruct=None, expects=None, code_range=(0.0, 1.0))
