"""Autoencoders as pure functions, and adapters for models of one's own."""

from ae_optax.lab.models._adapters import adapt, count_parameters, from_linen, from_nnx
from ae_optax.lab.models._conv import conv_autoencoder
from ae_optax.lab.models._deep import deep_autoencoder
from ae_optax.lab.models._dictionaries import (
    batch_topk_dictionary,
    jump_relu_dictionary,
    relu_dictionary,
    topk_dictionary,
)
from ae_optax.lab.models._mlp import mlp_autoencoder
from ae_optax.lab.models._model import Model
from ae_optax.lab.models._output import Gaussian, Output, as_output
from ae_optax.lab.models._resample import resample_dead
from ae_optax.lab.models._skips import conv_encoder_decoder
from ae_optax.lab.models._sparse import k_sparse_autoencoder
from ae_optax.lab.models._tied import tied_autoencoder
from ae_optax.lab.models._variational import conv_variational_autoencoder, variational_autoencoder

__all__ = [
    "Gaussian",
    "Model",
    "Output",
    "adapt",
    "as_output",
    "batch_topk_dictionary",
    "conv_autoencoder",
    "conv_encoder_decoder",
    "conv_variational_autoencoder",
    "count_parameters",
    "deep_autoencoder",
    "from_linen",
    "from_nnx",
    "jump_relu_dictionary",
    "k_sparse_autoencoder",
    "mlp_autoencoder",
    "relu_dictionary",
    "resample_dead",
    "tied_autoencoder",
    "topk_dictionary",
    "variational_autoencoder",
]
