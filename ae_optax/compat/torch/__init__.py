"""The optimizers and schedulers of PyTorch 2.13, step by step, without PyTorch.

A line is ported by changing its import: names, arguments, their order and their defaults are
PyTorch's, without ``params`` in an optimizer and with the base ``lr`` in place of a scheduler's
optimizer. ``lr`` is a number, a traced scalar, or a schedule; a scheduler is a schedule, and its
``step()`` is the update of the optimizer.

``ReduceLROnPlateau`` is no function of the step: it is a transformation, to be put after the
optimizer, which observes the ``value`` passed to ``update``.

Complex parameters are pairs of real ones, as in PyTorch: real and imaginary part have moments of
their own, kept with one axis of length 2 more. A gradient that is missing (``None``) leaves its
parameter and moments as they are; but one counter serves all parameters, where PyTorch counts the
steps of each. Parameters that are trained only at times belong in a group of their own, in
:func:`~ae_optax.by_path`: it counts the updates that bring it a gradient, and comes to PyTorch's
numbers. (Only rates go on, those that ``adafactor``, ``adagrad`` and ``asgd`` lower by themselves
included.)
"""

from ae_optax.compat.torch._adadelta import adadelta
from ae_optax.compat.torch._adafactor import adafactor
from ae_optax.compat.torch._adagrad import adagrad
from ae_optax.compat.torch._adam import adam, adamw
from ae_optax.compat.torch._adamax import adamax
from ae_optax.compat.torch._asgd import asgd
from ae_optax.compat.torch._combined import chained_scheduler, sequential_lr
from ae_optax.compat.torch._cosine import cosine_annealing_lr, cosine_annealing_warm_restarts
from ae_optax.compat.torch._cycles import cyclic_lr, one_cycle_lr
from ae_optax.compat.torch._falling import (
    constant_lr,
    exponential_lr,
    lambda_lr,
    linear_lr,
    multi_step_lr,
    multiplicative_lr,
    polynomial_lr,
    step_lr,
)
from ae_optax.compat.torch._import_state import import_state
from ae_optax.compat.torch._muon import muon
from ae_optax.compat.torch._nadam import nadam
from ae_optax.compat.torch._plateau import ReduceLROnPlateauState, reduce_lr_on_plateau
from ae_optax.compat.torch._radam import radam
from ae_optax.compat.torch._rmsprop import rmsprop
from ae_optax.compat.torch._rprop import rprop
from ae_optax.compat.torch._sgd import sgd

__all__ = [
    "ReduceLROnPlateauState",
    "adadelta",
    "adafactor",
    "adagrad",
    "adam",
    "adamax",
    "adamw",
    "asgd",
    "chained_scheduler",
    "constant_lr",
    "cosine_annealing_lr",
    "cosine_annealing_warm_restarts",
    "cyclic_lr",
    "exponential_lr",
    "import_state",
    "lambda_lr",
    "linear_lr",
    "multi_step_lr",
    "multiplicative_lr",
    "muon",
    "nadam",
    "one_cycle_lr",
    "polynomial_lr",
    "radam",
    "reduce_lr_on_plateau",
    "rmsprop",
    "rprop",
    "sequential_lr",
    "sgd",
    "step_lr",
]
