"""Clipping of every leaf by its own Euclidean norm."""

import optax

from ae_optax._checks import check_positive
from ae_optax._leafwise import leafwise
from ae_optax._transformation import transformation
from ae_optax._types import Scalar
from ae_optax.transforms._clip import shortening
from ae_optax.transforms._global_norm import global_norm


@transformation
def clip_by_norm(max_norm: Scalar) -> optax.GradientTransformation:
    r"""Shorten every leaf to a length, keeping its direction.

    .. math::

        u = g \cdot \min\left(1, \frac{c}{\lVert g \rVert}\right)

    with the Euclidean norm of each leaf by itself, in at least float32: the leaves' relative
    sizes change, unlike under :func:`clip_by_global_norm`.

    Args:
        max_norm: :math:`c > 0`, in the units of what comes in.

    Returns:
        A stateless transformation that keeps structure, shapes and dtypes; ignores ``params``.

    Raises:
        ValueError: If ``max_norm`` is not positive.
        TypeError: If ``max_norm`` is not a number.

    References:
        Pascanu, Mikolov and Bengio, `On the difficulty of training recurrent neural networks
        <https://arxiv.org/abs/1211.5063>`_, ICML 2013.
    """
    check_positive("max_norm", max_norm)

    return leafwise(_clip_by_norm, max_norm=max_norm)


def _clip_by_norm(g, *, max_norm):
    return shortening(global_norm(g), max_norm).astype(g.dtype) * g
