"""From the arguments that all autoencoders with a code take to a model."""

from collections.abc import Callable, Sequence

from flax import nnx

from ae_optax._checks import check_at_least
from ae_optax.lab.models._activations import ACTIVATIONS, Activation, Squashing, check_known
from ae_optax.lab.models._adapters import from_nnx
from ae_optax.lab.models._autoencoder import Autoencoder
from ae_optax.lab.models._bottleneck import Bottleneck
from ae_optax.lab.models._initializers import Initializer
from ae_optax.lab.models._model import Model


def make_autoencoder(
    kind: Callable[..., Autoencoder],
    widths: Sequence[int],
    code: int,
    activation: Activation,
    output: Squashing,
    initializer: Initializer,
    make_bottleneck: Callable[[nnx.Rngs], Bottleneck],
    *,
    encoded: int | None = None,
    learnt_variance: bool = False,
) -> Model:
    """Make an autoencoder of a kind, with a bottleneck that takes ``encoded`` numbers."""
    check_at_least("code", code, 1)
    check_names(activation, output, initializer)

    def build(shape, rngs):
        return kind(
            shape,
            tuple(widths),
            code,
            activation=ACTIVATIONS[activation],
            output=ACTIVATIONS[output],
            initializer=initializer,
            bottleneck=make_bottleneck(rngs),
            encoded=encoded or code,
            learnt_variance=learnt_variance,
            rngs=rngs,
        )

    model = from_nnx(build, decode=lambda module, code: module.decode(code))
    return model._replace(squashed=output == "sigmoid")


def check_widths(name: str, widths: Sequence[int]) -> None:
    """Raise ``ValueError`` if one of several widths is below 1."""
    for position, width in enumerate(widths):
        check_at_least(f"{name}[{position}]", width, 1)


def check_names(activation: str, output: str, initializer: str) -> None:
    """Raise ``ValueError`` if a name that all models take is unknown."""
    check_known("activation", activation, Activation)
    check_known("output", output, Squashing)
    check_known("initializer", initializer, Initializer)
