"""The deep autoencoders on which optimizers have been compared since 2006."""

from typing import Literal, TypeAlias

from ae_optax._checks import check_one_of
from ae_optax.lab.models._initializers import Initializer
from ae_optax.lab.models._looks import Activation, Squashing
from ae_optax.lab.models._mlp import mlp_autoencoder
from ae_optax.lab.models._model import Model

Problem: TypeAlias = Literal["curves", "faces", "mnist"]

WIDTHS = {
    "curves": ([400, 200, 100, 50, 25], 6),
    "faces": ([2000, 1000, 500], 30),
    "mnist": ([1000, 500, 250], 30),
}


def deep_autoencoder(
    problem: Problem = "mnist",
    *,
    activation: Activation = "sigmoid",
    output: Squashing = "sigmoid",
    initializer: Initializer = "sparse",
) -> Model:
    """Make one of the three deep autoencoders of Hinton and Salakhutdinov, with a linear code.

    ========== ======================== =====================
    Problem    Images                   Widths to the code
    ========== ======================== =====================
    ``mnist``  28x28 digits             784-1000-500-250-30
    ``curves`` 28x28 synthetic curves   784-400-200-100-50-25-6
    ``faces``  25x25 patches of faces   625-2000-1000-500-30
    ========== ======================== =====================

    The decoders mirror them. Images of another size change the outermost width alone. On 28x28
    images ``mnist`` has 2,837,314 parameters.

    Args:
        problem: ``"mnist"``, ``"curves"`` or ``"faces"``.
        activation: Applied after every hidden layer: sigmoid at first, tanh or ReLU in later
            comparisons.
        output: Applied to the last layer, as in :func:`mlp_autoencoder`.
        initializer: How kernels start, as in :func:`mlp_autoencoder`; ``"sparse"``, with which
            such networks were first trained without pre-training.

    Returns:
        A model of images (n, ...).

    Raises:
        ValueError: If a name is unknown.

    References:
        Hinton and Salakhutdinov, `Reducing the Dimensionality of Data with Neural Networks
        <https://doi.org/10.1126/science.1127647>`_, Science 313, 2006.

        Martens, `Deep Learning via Hessian-free Optimization
        <https://icml.cc/Conferences/2010/papers/458.pdf>`_, ICML 2010.
    """
    check_one_of("problem", problem, Problem)
    hidden, code = WIDTHS[problem]
    return mlp_autoencoder(
        hidden, code, activation=activation, output=output, initializer=initializer
    )
