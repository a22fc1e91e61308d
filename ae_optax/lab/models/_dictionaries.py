"""Sparse dictionaries by what makes their codes sparse."""

from ae_optax._checks import check_positive, check_positive_integer
from ae_optax.lab.models._dictionary import make_dictionary
from ae_optax.lab.models._model import Model
from ae_optax.lab.models._sparsifiers import BatchTopK, JumpReLU, Rectified, TopK


def relu_dictionary(code: int, *, dead_after: int = 1000) -> Model:
    r"""Make a sparse autoencoder of one layer, as used to take activations of networks apart.

    .. math::

        z &= W_e (x - b) + b_e \\
        f &= \max(z, 0) \\
        r &= W_d f + b

    The columns of :math:`W_d`, rows of Flax's ``decoder/kernel``, are the dictionary. They start
    as random vectors of length 1, :math:`W_e` as :math:`W_d^\top`, :math:`b_e` at zero and
    :math:`b` at the geometric median of the inputs. Sparsity is asked for by a loss,
    :func:`~ae_optax.lab.losses.code_l1`; keep the entries at length 1 with
    ``retract_to_sphere(axis=0)`` behind their optimizer, or long entries evade it.

    Units that have not been used for some steps are dead. What they make of the input beside those
    in use is told, for :func:`~ae_optax.lab.losses.revival`, and
    :func:`~ae_optax.lab.models.resample_dead` gives them new weights.

    Args:
        code: How many entries the dictionary has, at least 1; usually more than inputs.
        dead_after: After how many steps without use a unit is dead, at least 1.

    Returns:
        A model of inputs (n, ...) of any size; its output is linear.

    Raises:
        TypeError: If an argument is no integer.
        ValueError: If an argument is below 1.

    References:
        Bricken et al., `Towards Monosemanticity
        <https://transformer-circuits.pub/2023/monosemantic-features>`_, 2023.
    """
    return make_dictionary(code, Rectified, dead_after=dead_after)


def topk_dictionary(code: int, *, k: int, dead_after: int = 1000) -> Model:
    r"""Make a sparse dictionary that uses the ``k`` entries with the largest numbers.

    As :func:`relu_dictionary`, with :math:`f = \operatorname{TopK}(\max(z, 0))`: all but the
    largest numbers of an input become zero, and no gradient passes through them.

    Args:
        code: How many entries the dictionary has, at least 1; usually more than inputs.
        k: How many are used at most for one input, from 1 to ``code``.
        dead_after: After how many steps without use a unit is dead, at least 1.

    Returns:
        A model of inputs (n, ...) of any size; its output is linear.

    Raises:
        TypeError: If an argument is no integer.
        ValueError: If an argument is out of range.

    References:
        Gao et al., `Scaling and Evaluating Sparse Autoencoders
        <https://arxiv.org/abs/2406.04093>`_, ICLR 2025.
    """
    check_kept(k, code)
    return make_dictionary(code, lambda: TopK(k), dead_after=dead_after)


def batch_topk_dictionary(code: int, *, k: int, dead_after: int = 1000) -> Model:
    r"""Make a sparse dictionary that uses ``k`` entries an input on average.

    As :func:`relu_dictionary`, but of a batch of :math:`n` inputs the :math:`k n` largest numbers
    are kept, so that a hard input may use more entries than an easy one. In evaluations, where an
    input must not depend on its neighbours, a number is kept that is above a threshold: the running
    average of the smallest that were kept in training.

    Args:
        code: How many entries the dictionary has, at least 1; usually more than inputs.
        k: How many are used for one input, on average and at most; from 1 to ``code``.
        dead_after: After how many steps without use a unit is dead, at least 1.

    Returns:
        A model of inputs (n, ...) of any size; its output is linear.

    Raises:
        TypeError: If an argument is no integer.
        ValueError: If an argument is out of range.

    References:
        Bussmann, Leask and Nanda, `BatchTopK Sparse Autoencoders
        <https://arxiv.org/abs/2412.06410>`_, 2024.
    """
    check_kept(k, code)
    return make_dictionary(code, lambda: BatchTopK(k), dead_after=dead_after)


def jump_relu_dictionary(
    code: int, *, threshold: float = 1e-3, bandwidth: float = 1e-3, dead_after: int = 1000
) -> Model:
    r"""Make a sparse dictionary that uses the entries with numbers above thresholds it learns.

    As :func:`relu_dictionary`, with :math:`f = z\, [z > \theta]` and a threshold for each entry.
    Its derivatives are those of a smoothed step, with :math:`K` a box of width and height 1:

    .. math::

        \frac{\partial f}{\partial \theta} = -\frac{\theta}{\epsilon}
            K\!\left(\frac{z - \theta}{\epsilon}\right), \qquad
        \frac{\partial [z > \theta]}{\partial \theta} = -\frac{1}{\epsilon}
            K\!\left(\frac{z - \theta}{\epsilon}\right)

    Sparsity is asked for by :func:`~ae_optax.lab.losses.code_l0`, which counts entries in use.

    Args:
        code: How many entries the dictionary has, at least 1; usually more than inputs.
        threshold: :math:`\theta > 0` at first, in units of the code.
        bandwidth: :math:`\epsilon > 0`, likewise.
        dead_after: After how many steps without use a unit is dead, at least 1.

    Returns:
        A model of inputs (n, ...) of any size; its output is linear.

    Raises:
        TypeError: If an argument is no number, or one that counts no integer.
        ValueError: If an argument is out of range.

    References:
        Rajamanoharan et al., `Jumping Ahead: Improving Reconstruction Fidelity with JumpReLU Sparse
        Autoencoders <https://arxiv.org/abs/2407.14435>`_, 2024.
    """
    check_positive("threshold", threshold)
    check_positive("bandwidth", bandwidth)
    return make_dictionary(
        code, lambda: JumpReLU(code, threshold, bandwidth), dead_after=dead_after
    )


def check_kept(k: int, code: int) -> None:
    """Raise unless ``k`` is an integer from 1 to ``code``."""
    check_positive_integer("k", k)
    if k > code:
        raise ValueError(f"`k` must be at most `code`, {code}, got {k!r}.")
