"""Metrics: what is measured of a whole set of images beside the loss."""

from ae_optax.lab.metrics._code import active_units, code_l0, dead_units
from ae_optax.lab.metrics._dictionary import fvu, recovery
from ae_optax.lab.metrics._metric import Metric, of_images
from ae_optax.lab.metrics._mse import mse
from ae_optax.lab.metrics._probes import knn_accuracy, linear_probe_accuracy
from ae_optax.lab.metrics._psnr import input_psnr, psnr, psnr_of_each
from ae_optax.lab.metrics._ssim import ssim

__all__ = [
    "Metric",
    "active_units",
    "code_l0",
    "dead_units",
    "fvu",
    "input_psnr",
    "knn_accuracy",
    "linear_probe_accuracy",
    "mse",
    "of_images",
    "psnr",
    "psnr_of_each",
    "recovery",
    "ssim",
]
