"""Scales of whole matrices that their shape alone decides."""

import optax

from ae_optax._checks import check_non_negative, check_positive, shown
from ae_optax._leafwise import leafwise
from ae_optax._transformation import transformation
from ae_optax._types import Scalar


@transformation
def scale_by_fan(*, out_axis: int = -1) -> optax.GradientTransformation:
    r"""Multiply every matrix by :math:`\sqrt{\max(1, n_{\text{out}} / n_{\text{in}})}`.

    An orthogonal matrix with more outputs than inputs is short: this gives all its outputs the
    same size as those of a square one.

    Args:
        out_axis: Which of the last two axes counts the outputs: -1 for kernels of Flax and Keras,
            (inputs, outputs), -2 for PyTorch's weights.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.
        Leaves with fewer than two axes pass unchanged.

    Raises:
        ValueError: If ``out_axis`` is neither -1 nor -2.

    References:
        Jordan et al., `Muon: An optimizer for hidden layers in neural networks
        <https://kellerjordan.github.io/posts/muon/>`_, 2024.
    """
    if out_axis not in (-1, -2):
        raise ValueError(f"`out_axis` must be -1 or -2, got {shown(out_axis)}.")

    return leafwise(_scale_by_fan, out_axis=out_axis)


def _scale_by_fan(g, *, out_axis):
    if g.ndim < 2 or not g.size:
        return g
    return g * max(1.0, g.shape[out_axis] / g.shape[-3 - out_axis]) ** 0.5


@transformation
def scale_by_longest_side(rms: Scalar = 0.2) -> optax.GradientTransformation:
    r"""Multiply every matrix by the root of its longest side: :math:`u = r \sqrt{\max(A, B)}\, g`.

    An orthogonal matrix then has a root mean square of :math:`r`, and with 0.2 about that of a step
    of Adam, so that one rate serves both.

    Args:
        rms: :math:`r \ge 0`.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.
        Leaves with fewer than two axes pass unchanged.

    Raises:
        ValueError: If ``rms`` is negative.
        TypeError: If ``rms`` is not a number.

    References:
        Liu et al., `Muon is Scalable for LLM Training <https://arxiv.org/abs/2502.16982>`_, 2025.
    """
    check_non_negative("rms", rms)
    return leafwise(_scale_by_longest_side, rms=rms)


def _scale_by_longest_side(g, *, rms):
    return g * max(g.shape[-2:]) ** 0.5 * rms if g.ndim > 1 else g


@transformation
def scale_by_mean_side(*, others: Scalar = 1e-3) -> optax.GradientTransformation:
    r"""Divide every matrix by the mean of its sides: :math:`u = \frac{2}{A + B}\, g`.

    Args:
        others: What other leaves are multiplied by, positive.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    Raises:
        ValueError: If ``others`` is not positive.
        TypeError: If ``others`` is not a number.

    References:
        Frans, Levine and Abbeel, `A Stable Whitening Optimizer for Efficient Neural Network
        Training <https://arxiv.org/abs/2506.07254>`_, 2025.
    """
    check_positive("others", others)

    return leafwise(_scale_by_mean_side, others=others)


def _scale_by_mean_side(g, *, others):
    return g * (2 / sum(g.shape[-2:])) if g.ndim > 1 and g.size else g * others
