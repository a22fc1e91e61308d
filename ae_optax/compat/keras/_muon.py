"""Keras's Muon: matrices along their orthogonalised velocity, the rest by Adam."""

# ruff: noqa: D417 - the options common to all are described once, in the package.

import re
from collections.abc import Sequence

import jax.numpy as jnp
import optax

from ae_optax._checks import (
    check_finite,
    check_in_unit_interval,
    check_integer,
    check_non_negative,
)
from ae_optax._transformation import transformation
from ae_optax._trees import path_of
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.keras._adam import adam_direction
from ae_optax.compat.keras._by_kind import by_kind
from ae_optax.compat.keras._common import Common, with_common
from ae_optax.compat.keras._decay_first import decay_first
from ae_optax.transforms import (
    chain,
    divide_by_norm,
    newton_schulz,
    scale,
    scale_by_learning_rate,
    scale_by_longest_side,
    scale_by_momentum,
    scale_by_nesterov,
)


@transformation
def muon(
    learning_rate: ScalarOrSchedule = 0.001,
    adam_beta_1: Scalar = 0.9,
    adam_beta_2: Scalar = 0.999,
    adam_weight_decay: Scalar | None = 0.004,
    epsilon: Scalar = 1e-7,
    weight_decay: Scalar | None = 0.004,
    clipnorm: Scalar | None = None,
    clipvalue: Scalar | None = None,
    global_clipnorm: Scalar | None = None,
    use_ema: bool = False,
    ema_momentum: Scalar = 0.99,
    ema_overwrite_frequency: int | None = None,
    loss_scale_factor: Scalar | None = None,
    gradient_accumulation_steps: int | None = None,
    name: str | None = None,
    exclude_layers: Sequence[str] | None = None,
    exclude_embeddings: bool = True,
    muon_a: Scalar = 3.4445,
    muon_b: Scalar = -4.7750,
    muon_c: Scalar = 2.0315,
    adam_lr_ratio: Scalar = 1,
    momentum: Scalar = 0.95,
    ns_steps: int = 5,
    nesterov: bool = True,
    rms_rate: Scalar | None = 0.2,
) -> optax.GradientTransformation:
    r"""Step as ``keras.optimizers.Muon``.

    For every matrix of :math:`A \times B`, with :math:`\mathrm{NS}` the Newton-Schulz iteration
    towards the nearest orthogonal matrix,

    .. math::

        v_t &= \mu\, v_{t-1} + g_t \\
        \theta_t &= \theta_{t-1} - \eta_t\, r \sqrt{\max(A, B)}\; \mathrm{NS}(g_t + \mu\, v_t)

    (without ``nesterov``, :math:`\mathrm{NS}(v_t)`). A leaf that is no matrix steps as
    :func:`adam`, and so does one whose path is excluded: the keys that lead to it, joined by
    slashes, as ``"encoder/kernel"``.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step
            from 0 (Keras's plain callables take no step).
        adam_beta_1: ``beta_1`` of Adam.
        adam_beta_2: ``beta_2`` of Adam.
        adam_weight_decay: ``weight_decay`` of the leaves that step as Adam.
        epsilon: :math:`\hat\epsilon > 0` of Adam.
        weight_decay: ``weight_decay`` of the matrices. This and what follows, up to ``name``: see
            :mod:`ae_optax.compat.keras`.
        exclude_layers: Regular expressions; a matrix in whose path one is found steps as Adam.
        exclude_embeddings: Whether a matrix with "embedding" in its path, in whatever case, does.
        muon_a: First coefficient of the iteration.
        muon_b: Second coefficient.
        muon_c: Third coefficient.
        adam_lr_ratio: Factor of the learning rate of Adam; not of its decay.
        momentum: :math:`\mu \in [0, 1)`.
        ns_steps: Iterations, a whole number of at least 0.
        nesterov: Whether the velocity is taken one step ahead.
        rms_rate: :math:`r \ge 0`; ``None`` stands for :math:`r \sqrt{\max(A, B)} = 1`.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` with a decay or ``use_ema``.

    Raises:
        ValueError: If ``learning_rate`` is negative, another argument out of its range, or an
            expression not regular.
        TypeError: If one of them is not a number, or ``ns_steps`` no integer.

    References:
        Liu et al., `Muon is Scalable for LLM Training <https://arxiv.org/abs/2502.16982>`_, 2025;
        `keras.optimizers.Muon <https://keras.io/api/optimizers/muon/>`_, Keras 3.15.
    """
    check_in_unit_interval("adam_beta_1", adam_beta_1)
    check_in_unit_interval("adam_beta_2", adam_beta_2)
    if adam_weight_decay is not None:
        check_non_negative("adam_weight_decay", adam_weight_decay)
    check_in_unit_interval("momentum", momentum)
    check_non_negative("adam_lr_ratio", adam_lr_ratio)
    check_integer("ns_steps", ns_steps, 0)
    for key, value in {"muon_a": muon_a, "muon_b": muon_b, "muon_c": muon_c}.items():
        check_finite(key, value)
    if rms_rate is not None:
        check_non_negative("rms_rate", rms_rate)
    del name  # It names variables, and there are none.
    common = Common(
        weight_decay,
        clipnorm,
        clipvalue,
        global_clipnorm,
        use_ema,
        ema_momentum,
        ema_overwrite_frequency,
        loss_scale_factor,
        gradient_accumulation_steps,
    )
    matrix = chain(
        (scale_by_nesterov if nesterov else scale_by_momentum)(momentum),
        divide_by_norm(eps=1e-7),
        newton_schulz((muon_a, muon_b, muon_c), steps=ns_steps),
        *([] if rms_rate is None else [scale_by_longest_side(rms_rate)]),
    )
    other = chain(adam_direction(adam_beta_1, adam_beta_2, epsilon), scale(adam_lr_ratio))
    patterns = [re.compile(pattern) for pattern in exclude_layers or ()]

    def kind(path, leaf):
        name = path_of(path)
        excluded = exclude_embeddings and "embedding" in name.lower()
        excluded = excluded or any(pattern.search(name) for pattern in patterns)
        return "adam" if excluded or jnp.ndim(leaf) != 2 else "muon"

    def rule(rate):
        def decayed(direction, decay):
            step = chain(direction, scale_by_learning_rate(rate))
            if decay is None:
                return step
            return decay_first(step, learning_rate=rate, weight_decay=decay)

        rules = {
            "muon": decayed(matrix, weight_decay),
            "adam": decayed(other, adam_weight_decay),
        }
        return by_kind(rules, kind)

    # Each kind of leaf has a decay of its own, and none is left for all.
    return with_common(rule, learning_rate, common._replace(weight_decay=None))
