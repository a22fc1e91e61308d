"""Optimizers: each a short composition of transformations that reads like its paper."""

from ae_optax.optimizers._adabelief import adabelief
from ae_optax.optimizers._adadelta import adadelta
from ae_optax.optimizers._adafactor import adafactor
from ae_optax.optimizers._adagrad import adagrad, adagrad_momentum
from ae_optax.optimizers._adam import adam, adam_uncorrected, adamw
from ae_optax.optimizers._adam_max_norm import adam_max_norm
from ae_optax.optimizers._adamax import adam_p_norm, adamax
from ae_optax.optimizers._adan import adan
from ae_optax.optimizers._amsgrad import amsgrad
from ae_optax.optimizers._ekfac import ekfac
from ae_optax.optimizers._kbfgs import kbfgs
from ae_optax.optimizers._kfac import kfac, kfac_eigen
from ae_optax.optimizers._kl_shampoo import kl_shampoo
from ae_optax.optimizers._lamb import lamb
from ae_optax.optimizers._lars import lars
from ae_optax.optimizers._lion import lion
from ae_optax.optimizers._muon import muon, normuon
from ae_optax.optimizers._nadam import nadam, nadam_scheduled
from ae_optax.optimizers._psgd_kron import psgd_kron
from ae_optax.optimizers._radam import radam
from ae_optax.optimizers._rmsprop import rmsprop, rmsprop_centered, rmsprop_momentum
from ae_optax.optimizers._schedule_free_adamw import schedule_free_adamw
from ae_optax.optimizers._sgd import classical_momentum, momentum, nesterov, sgd
from ae_optax.optimizers._shampoo import shampoo
from ae_optax.optimizers._soap import soap
from ae_optax.optimizers._soap_muon import soap_muon
from ae_optax.optimizers._sonew import sonew
from ae_optax.optimizers._splus import splus
from ae_optax.optimizers._tnt import tnt
from ae_optax.optimizers._yogi import yogi

__all__ = [
    "adabelief",
    "adadelta",
    "adafactor",
    "adagrad",
    "adagrad_momentum",
    "adam",
    "adam_max_norm",
    "adam_p_norm",
    "adam_uncorrected",
    "adamax",
    "adamw",
    "adan",
    "amsgrad",
    "classical_momentum",
    "ekfac",
    "kbfgs",
    "kfac",
    "kfac_eigen",
    "kl_shampoo",
    "lamb",
    "lars",
    "lion",
    "momentum",
    "muon",
    "nadam",
    "nadam_scheduled",
    "nesterov",
    "normuon",
    "psgd_kron",
    "radam",
    "rmsprop",
    "rmsprop_centered",
    "rmsprop_momentum",
    "schedule_free_adamw",
    "sgd",
    "shampoo",
    "soap",
    "soap_muon",
    "sonew",
    "splus",
    "tnt",
    "yogi",
]
