"""Removal of what points along the parameters: for vectors whose length is fixed."""

import optax

from ae_optax._checks import check_integer
from ae_optax._leafwise import leafwise
from ae_optax._transformation import transformation
from ae_optax.transforms._unit_vectors import along, directions


@transformation
def remove_parallel(*, axis: int) -> optax.GradientTransformation:
    r"""Take from the gradient of every unit what is parallel to the unit's weights.

    For each unit, with weights :math:`w` and gradient :math:`g`,

    .. math::

        u = g - \langle g, d \rangle\, d, \qquad d = \frac{w}{\lVert w \rVert}

    and :math:`u = g` where :math:`w = 0`. For a dictionary whose vectors are kept at length one:
    what would lengthen or shorten them is undone by :func:`~ae_optax.retract_to_sphere` and must
    not enter the moments of an adaptive method. Such a method turns the gradient, so that its
    update has a parallel part again; a second one, behind it, removes that too:

    .. code-block:: python

        by_path({
            "decoder/kernel": chain(
                remove_parallel(axis=0), adam(1e-3), remove_parallel(axis=0),
                retract_to_sphere(axis=0),
            ),
            "**": adam(1e-3),
        })

    Of a leaf with two axes or more each index along ``axis`` is one unit; leaves with fewer,
    biases, pass unchanged.

    Args:
        axis: The axis that counts the units. The kernel of a Flax decoder, (latents, inputs), has
            one dictionary vector for each index along the first: 0. PyTorch's has them along the
            last: -1.

    Returns:
        A stateless transformation that computes in at least float32 and keeps structure, shapes
        and dtypes; it needs ``params``. Complex numbers count as pairs of real ones.

    Raises:
        ValueError: In ``update``, if ``params`` is missing or a leaf has no such axis.
        TypeError: If ``axis`` is no integer.

    References:
        Bricken et al., `Towards Monosemanticity: Decomposing Language Models With Dictionary
        Learning <https://transformer-circuits.pub/2023/monosemantic-features/index.html>`_,
        Transformer Circuits Thread, 2023.
        Gao et al., `Scaling and evaluating sparse autoencoders
        <https://arxiv.org/abs/2406.04093>`_, 2024.
    """
    check_integer("axis", axis)

    return leafwise(_remove_parallel, reads_params=True, axis=axis)


def _remove_parallel(g, p, *, axis):
    if g.ndim < 2:
        return g
    direction, _ = directions(p, axis)
    return g - along(direction, g, axis).astype(g.dtype) * direction
