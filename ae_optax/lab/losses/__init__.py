"""Losses: weighted sums of named terms; the name says how each reduces over pixels."""

from ae_optax.lab.losses._binary_cross_entropy import bce_mean, bce_sum
from ae_optax.lab.losses._gaussian import gaussian_nll
from ae_optax.lab.losses._loss import Loss, Seen, Term, sum_of_terms
from ae_optax.lab.losses._penalties import elastic_penalty, l1_penalty, l2_penalty
from ae_optax.lab.losses._sparsity import code_kl, code_l0, code_l1, revival
from ae_optax.lab.losses._squared_error import mse, sse
from ae_optax.lab.losses._total import total
from ae_optax.lab.losses._variational import gaussian_kl, negative_elbo

__all__ = [
    "Loss",
    "Seen",
    "Term",
    "bce_mean",
    "bce_sum",
    "code_kl",
    "code_l0",
    "code_l1",
    "elastic_penalty",
    "gaussian_kl",
    "gaussian_nll",
    "l1_penalty",
    "l2_penalty",
    "mse",
    "negative_elbo",
    "revival",
    "sse",
    "sum_of_terms",
    "total",
]
