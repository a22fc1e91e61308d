"""``torch.optim.Muon``."""

import jax
import jax.numpy as jnp
import optax

from ae_optax._checks import (
    check_finite,
    check_in_unit_interval,
    check_integer,
    check_one_of,
    check_positive,
)
from ae_optax._leafwise import leafwise
from ae_optax._transformation import transformation
from ae_optax._types import Scalar, ScalarOrSchedule
from ae_optax.compat.torch._arguments import check_flag, check_length, descend
from ae_optax.transforms import (
    newton_schulz,
    scale,
    scale_by_fan,
    scale_by_longest_side,
    scale_by_momentum,
    scale_by_nesterov,
)


def _original():
    return scale_by_fan(out_axis=-2)


_ADJUSTMENTS = {None: _original, "original": _original, "match_rms_adamw": scale_by_longest_side}


@transformation
def muon(
    lr: ScalarOrSchedule = 1e-3,
    weight_decay: Scalar = 0.1,
    momentum: Scalar = 0.95,
    nesterov: bool = True,
    ns_coefficients: tuple[Scalar, Scalar, Scalar] = (3.4445, -4.7750, 2.0315),
    eps: Scalar = 1e-7,
    ns_steps: int = 5,
    adjust_lr_fn: str | None = None,
) -> optax.GradientTransformation:
    r"""Step as ``torch.optim.Muon``: along a momentum made nearly orthogonal, in bfloat16.

    On matrices only, from :math:`m_0 = 0`,

    .. math::

        m_t &= \mu\, m_{t-1} + (1 - \mu)\, g_t \\
        d_t &= \mu\, m_t + (1 - \mu)\, g_t \quad (\text{without nesterov } m_t) \\
        u_t &= \mathrm{NS}\!\left(\frac{d_t}{\max(\lVert d_t \rVert, \epsilon)}\right) \\
        \theta_t &= (1 - \eta_t\,\lambda)\,\theta_{t-1} - \eta_t\, c\, u_t

    with the Frobenius norm, NS of :func:`~ae_optax.newton_schulz`, and :math:`c` from the shape:
    :math:`\sqrt{\max(1, r / k)}` for :math:`r` rows and :math:`k` columns, or
    :math:`0.2 \sqrt{\max(r, k)}` for ``"match_rms_adamw"``. PyTorch's rows are outputs; those of a
    Flax kernel are inputs.

    Args:
        lr: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from 0.
        weight_decay: :math:`\lambda \ge 0`, decoupled.
        momentum: :math:`\mu \in [0, 1)`.
        nesterov: Whether to look one step ahead.
        ns_coefficients: The three coefficients of NS.
        eps: :math:`\epsilon > 0`, the smallest norm to divide by.
        ns_steps: Number of iterations of NS, from 0 to 99.
        adjust_lr_fn: ``"original"``, ``"match_rms_adamw"`` or ``None``, which is the first.

    Returns:
        An optimizer whose updates keep structure, shapes and dtypes of the gradients; it needs
        ``params`` if ``weight_decay`` is not 0.

    Raises:
        ValueError: If a number is out of its range, ``adjust_lr_fn`` unknown, or, in ``init``, a
            parameter is no matrix.
        TypeError: If an argument is not a number, ``ns_steps`` no integer, or ``nesterov`` not a
            boolean.

    References:
        PyTorch 2.13, `Muon <https://docs.pytorch.org/docs/2.13/generated/torch.optim.Muon.html>`_.
    """
    check_in_unit_interval("momentum", momentum)
    check_flag("nesterov", nesterov)
    check_positive("eps", eps)
    check_one_of("adjust_lr_fn", adjust_lr_fn, _ADJUSTMENTS)
    check_length("ns_coefficients", ns_coefficients, 3)
    for position, coefficient in enumerate(ns_coefficients):
        check_finite(f"ns_coefficients[{position}]", coefficient)
    check_integer("ns_steps", ns_steps, 0)
    if ns_steps >= 100:
        raise ValueError(f"`ns_steps` must be below 100, got {ns_steps!r}.")
    velocity = scale_by_nesterov if nesterov else scale_by_momentum
    return descend(
        lr,
        velocity(momentum, dtype=None),
        scale(1 - momentum),  # From the sum of the past to its average.
        _divide_by_norm(eps),
        newton_schulz(ns_coefficients, steps=ns_steps, dtype=jnp.bfloat16),
        _ADJUSTMENTS[adjust_lr_fn](),
        weight_decay=weight_decay,
        decoupled=True,
    )


def _divide_by_norm(eps):
    """Divide every matrix by its norm, rounding to bfloat16 where PyTorch does."""

    def init(params):
        for path, leaf in jax.tree_util.tree_leaves_with_path(params):
            if jnp.ndim(leaf) != 2:
                raise ValueError(
                    f"`params{jax.tree_util.keystr(path)}` must be a matrix, got the shape "
                    f"{jnp.shape(leaf)}: give other parameters to another optimizer, as by "
                    "`optax.partition`."
                )
        return optax.EmptyState()

    return leafwise(_normalize, eps=eps)._replace(init=init)


def _normalize(x, *, eps):
    # Of finite numbers: the quotient of two overflows would be NaN.
    largest = float(jnp.finfo(jnp.bfloat16).max)
    x = _rounded(jnp.clip(x, -largest, largest))
    norm = _rounded(jnp.sqrt(jnp.sum(x * x)))
    return x / jnp.maximum(norm, _rounded(jnp.asarray(eps)))


def _rounded(x):
    return x.astype(jnp.bfloat16).astype(jnp.float32)
