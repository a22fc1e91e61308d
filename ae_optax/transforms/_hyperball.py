"""Steps on the sphere that a matrix begins on."""

import optax

from ae_optax._leafwise import leafwise
from ae_optax._transformation import transformation
from ae_optax._types import ScalarOrSchedule
from ae_optax.transforms._chain import chain
from ae_optax.transforms._learning_rate import scale_by_learning_rate
from ae_optax.transforms._radial import retract_to_length, share_of_length


@transformation
def hyperball(learning_rate: ScalarOrSchedule) -> optax.GradientTransformation:
    r"""Turn every matrix by an angle, and leave its length as it is.

    Put last, in place of a learning rate and weight decay. For a direction of ascent :math:`u`,

    .. math::

        N = W - \eta\, \lVert W \rVert\, \frac{u}{\lVert u \rVert}, \qquad
        W \leftarrow \lVert W \rVert\, \frac{N}{\lVert N \rVert}

    The rate is the tangent of the angle of a step that is orthogonal to the weights, whatever the
    lengths of gradient and weights: a schedule of it says how fast layers turn. A matrix that is
    zero takes the step :math:`-\eta\, u` once; where :math:`u` is zero nothing moves. Of a leaf
    with more than two axes every matrix of the last two is treated alike; a leaf with fewer is one
    vector. Leaves whose length matters, biases for instance, are for another optimizer.

    Args:
        learning_rate: :math:`\eta \ge 0`: a number, a traced scalar, or a schedule of the step from
            0; 0.02 for instance.

    Returns:
        A transformation that keeps structure, shapes and dtypes; it needs ``params``.

    Raises:
        ValueError: If ``learning_rate`` is negative; in ``update``, if ``params`` is missing.
        TypeError: If it is not a number.

    References:
        Wen, Dang, Lyu, Ma and Liang, `Fantastic Pretraining Optimizers and Where to Find Them II:
        Hyperball Optimization <https://arxiv.org/abs/2606.16899>`_, 2026.
    """
    return chain(
        leafwise(share_of_length, reads_params=True),
        scale_by_learning_rate(learning_rate),
        retract_to_length(),
    )
