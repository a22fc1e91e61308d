"""The evidence lower bound of variational autoencoders."""

import jax.numpy as jnp

from ae_optax._types import ScalarOrSchedule
from ae_optax.lab.losses._loss import Loss, Term
from ae_optax.lab.losses._total import total
from ae_optax.lab.losses._weights import check_weight, weight_at


def gaussian_kl(weight: ScalarOrSchedule = 1.0) -> Loss:
    r"""Measure how far the posterior of the code is from a standard normal distribution.

    .. math::

        \mathrm{KL}(q \,\|\, p) = \tfrac12 \sum_j \left(
            \mu_j^2 + \sigma_j^2 - \log \sigma_j^2 - 1 \right)

    in nats per image, in closed form; 0 where the posterior is the prior.

    Args:
        weight: What it counts, at least 0: a number, or a schedule of the step.

    Returns:
        A loss of models that tell a posterior, of one term, ``kl``.

    Raises:
        ValueError: If ``weight`` is negative; when used, if the model tells no posterior.
        TypeError: If ``weight`` is neither a number nor a schedule.
    """
    check_weight("weight", weight)

    def terms(seen):
        mean, log_variance = seen.require("posterior")
        # exp(v) - 1 - v by `expm1`: near the prior the terms all but cancel.
        per_unit = jnp.square(mean) + (jnp.expm1(log_variance) - log_variance)
        return {"kl": Term(jnp.sum(per_unit, axis=-1) / 2, weight_at(weight, seen.step))}

    return Loss(terms, reconstruct=None, expects=None)


def negative_elbo(likelihood: Loss, *, beta: ScalarOrSchedule = 1.0) -> Loss:
    r"""Measure the negative evidence lower bound, estimated with one draw of the code.

    .. math::

        L(x) = -\log p(x \mid z) + \beta\, \mathrm{KL}\left(q(z \mid x) \,\|\, p(z)\right),
            \qquad z \sim q(z \mid x), \quad p = \mathcal N(0, I)

    in nats per image. Evaluations also show ``elbo``, :math:`-L` at :math:`\beta = 1`, a bound of
    :math:`\log p(x)` whatever the weight is in training.

    Args:
        likelihood: :math:`-\log p(x \mid z)` in nats per image: :func:`bce_sum` for Bernoulli
            pixels, :func:`gaussian_nll` for Gaussian ones. A mean over pixels is none: the
            divergence outweighs it by their number, and every unit of the code collapses.
        beta: :math:`\beta \ge 0`: a number, or a schedule of the step, such as a warm-up from 0.

    Returns:
        A loss with the terms of the likelihood and ``kl``.

    Raises:
        ValueError: If ``likelihood`` is none or ``beta`` negative; when used, if the model tells no
            posterior.
        TypeError: If ``beta`` is neither a number nor a schedule.

    References:
        Kingma and Welling, `Auto-Encoding Variational Bayes <https://arxiv.org/abs/1312.6114>`_,
        ICLR 2014.

        Higgins et al., `beta-VAE <https://openreview.net/forum?id=Sy2fzU9gl>`_, ICLR 2017.

        Bowman et al., `Generating Sentences from a Continuous Space
        <https://arxiv.org/abs/1511.06349>`_, CoNLL 2016, for the warm-up.
    """
    check_weight("beta", beta)
    if not likelihood.likelihood:
        raise ValueError(
            "`likelihood` must be -log p(x | z) in nats per image, got a loss that is not. Of "
            "squared errors gaussian_nll is one, of cross-entropies bce_sum."
        )
    loss = total([likelihood, gaussian_kl(beta)])
    kl = gaussian_kl()

    def report(seen):
        terms = [*likelihood.terms(seen).values(), *kl.terms(seen).values()]
        return {**loss.report(seen), "elbo": -sum(term.weight * term.value for term in terms)}

    return loss._replace(report=report)
