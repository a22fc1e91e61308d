"""What a transformation needs from whoever computes the gradient, told in its state."""

import functools
from typing import NamedTuple

import optax

from ae_optax._transformation import transformation
from ae_optax._trees import states_of
from ae_optax.transforms._mark import mark


class NeedsLayersState(NamedTuple):
    """What :func:`needs_layers` remembers between steps; that it is there tells of the need.

    Attributes:
        inner: State of the inner transformation.
    """

    inner: optax.OptState


class NeedsSampledLayersState(NamedTuple):
    """What :func:`needs_sampled_layers` remembers between steps; that it is there tells the need.

    Attributes:
        inner: State of the inner transformation.
    """

    inner: optax.OptState


class NeedsLayersAtState(NamedTuple):
    """What :func:`needs_layers_at` remembers between steps; that it is there tells of the need.

    Attributes:
        inner: State of the inner transformation.
    """

    inner: optax.OptState


class NeedsCurvatureState(NamedTuple):
    """What needs ``curvature`` remembers between steps; that it is there tells of the need.

    Attributes:
        inner: State of the inner transformation.
    """

    inner: optax.OptState


class NeedsLossAtState(NamedTuple):
    """What needs ``loss_at`` remembers between steps; that it is there tells of the need.

    Attributes:
        inner: State of the inner transformation.
    """

    inner: optax.OptState


KINDS: dict[str, type] = {
    "layers": NeedsLayersState,
    "sampled_layers": NeedsSampledLayersState,
    "layers_at": NeedsLayersAtState,
    "curvature": NeedsCurvatureState,
    "loss_at": NeedsLossAtState,
}
"""By the name of the extra argument of ``update``, the state of what needs it."""

GIVEN = {
    "layers_at": "a function of parameters that returns what `capture` returns there",
    "curvature": "a function of a list of trees like the parameters that returns all their "
    "products with the Gauss-Newton matrix of the batch",
    "loss_at": "the loss of the batch as a function of the parameters",
}
"""What those are that :func:`~ae_optax.capture` does not return."""


@transformation
def needs_layers(inner: optax.GradientTransformation) -> optax.GradientTransformation:
    r"""Mark a transformation whose ``update`` reads what each layer saw, ``layers``.

    The trainer finds the mark in the state and gives to ``update`` what
    :func:`~ae_optax.capture` makes beside the gradient: the inputs of every layer and the gradients
    of its outputs, and with them :meth:`~ae_optax.capturing.Layers.example_norms`. Where no
    transformation has the mark nothing is captured.

    In a loop of one's own:

    .. code-block:: python

        value, grads, layers = capture(loss)(params, batch)
        updates, state = optimizer.update(grads, state, params, layers=layers)

    Args:
        inner: What reads ``layers``.

    Returns:
        A transformation that does what ``inner`` does.

    Raises:
        ValueError: In ``update``, if ``layers`` is missing.
        TypeError: If ``inner`` is no gradient transformation.
    """
    return _marked("layers", inner)


@transformation
def needs_sampled_layers(inner: optax.GradientTransformation) -> optax.GradientTransformation:
    r"""Mark a transformation whose ``update`` reads what layers see of targets from the model.

    As :func:`needs_layers`, but ``sampled_layers`` are of the loss of targets that are drawn from
    the model's own distribution, :math:`\tilde x \sim p(\cdot \mid \theta)`, whose gradients have
    the Fisher matrix for their covariance. It costs one more backward pass, and the loss must have
    a likelihood.

    Args:
        inner: What reads ``sampled_layers``.

    Returns:
        A transformation that does what ``inner`` does.

    Raises:
        ValueError: In ``update``, if ``sampled_layers`` is missing.
        TypeError: If ``inner`` is no gradient transformation.

    References:
        Kunstner, Balles and Hennig, `Limitations of the empirical Fisher approximation for natural
        gradient descent <https://arxiv.org/abs/1905.12558>`_, NeurIPS 2019.
    """
    return _marked("sampled_layers", inner)


@transformation
def needs_layers_at(inner: optax.GradientTransformation) -> optax.GradientTransformation:
    """Mark a transformation whose ``update`` makes a second pass, by ``layers_at(params)``.

    As :func:`needs_layers`, but ``layers_at`` is a function: of parameters it returns what each
    layer sees there of the same batch, for one more forward and backward pass each time.

    Args:
        inner: What calls ``layers_at``.

    Returns:
        A transformation that does what ``inner`` does.

    Raises:
        ValueError: In ``update``, if ``layers_at`` is missing.
        TypeError: If ``inner`` is no gradient transformation.
    """
    return _marked("layers_at", inner)


def needs(state: optax.OptState) -> frozenset[str]:
    r"""Return which extra arguments of ``update`` a state's transformation needs.

    Args:
        state: Of any transformation, or its shapes.

    Returns:
        Names: ``"layers"``, ``"sampled_layers"``, ``"layers_at"``; ``"curvature"``, a function of a
        list of trees like the parameters that returns all their products :math:`u^\top F v` with
        the Gauss-Newton matrix of the batch; ``"loss_at"``, the batch's loss as a function of the
        parameters; none for most.
    """
    return frozenset(name for name, kind in KINDS.items() if states_of(state, kind))


def needing(name: str | None, inner: optax.GradientTransformation) -> optax.GradientTransformation:
    """Return ``inner``, marked if it needs an extra argument."""
    return inner if name is None else _marked(name, inner)


def _marked(name: str, inner: optax.GradientTransformation):
    return mark(inner, KINDS[name], functools.partial(_check_given, name))


def _check_given(name, extra):
    if extra.get(name) is None:
        raise ValueError(
            f"`{name}` must be given to `update`. The trainer gives it; in a loop of your own it "
            f"is {GIVEN.get(name, 'what `capture` returns')}."
        )
