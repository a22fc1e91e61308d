"""What the trainer knows of a loss: named terms of what was seen."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp

from ae_optax._numbers import scalar
from ae_optax.lab.models import Output

_TOLD_BY = {
    "code": "code, as mlp_autoencoder does",
    "posterior": "posterior, as variational_autoencoder does",
    "log_variance": "variance of the pixels, as variational_autoencoder with learnt_variance does",
    "l0": "number of units in use and its derivative, as jump_relu_dictionary does",
    "revived": "dead units' view of the images, as relu_dictionary does",
}


class Seen(NamedTuple):
    """What a loss or a metric may look at: one batch, and what the model made of it.

    Attributes:
        output: What the model made of the batch.
        target: The images it should have made; shape (n, ...).
        params: The model's parameters.
        step: Steps done before this batch; shape (), int32.
        weights: Ones and zeros, shape (n,): which images count. ``None``: all.
        given: What the model was given, if that is not the target but a corrupted form of it.
        classes: What is on the images, one-hot, shape (n, classes), where a whole set of data with
            labels is measured; ``None`` elsewhere.
    """

    output: Output
    target: jax.Array
    params: Any
    step: jax.Array
    weights: jax.Array | None = None
    given: jax.Array | None = None
    classes: jax.Array | None = None

    def mean(self, values: jax.Array) -> jax.Array:
        """Return the mean over the images that count of values (n, ...); shape (...)."""
        if self.weights is None:
            return jnp.mean(values, axis=0)
        weights = self.weights.astype(values.dtype)
        kept = weights.reshape(-1, *(1,) * (values.ndim - 1)) * values
        return jnp.sum(kept, axis=0) / jnp.sum(weights)

    def require(self, what: str) -> Any:
        """Return a part of the output that not all models have, or raise ``ValueError``."""
        found = self.output.told.get(what, getattr(self.output, what, None))
        if found is None:
            raise ValueError(f"`model` must tell its {_TOLD_BY[what]}, got a model that does not.")
        return found


class Term(NamedTuple):
    """One term of a loss.

    Attributes:
        value: One number for each image, shape (n,), or one for the batch, shape ().
        weight: What it counts in the loss; shape ().
    """

    value: jax.Array
    weight: jax.Array | float = 1.0


Report = Callable[[Seen], Mapping[str, jax.Array]]


def no_report(seen: Seen) -> Mapping[str, jax.Array]:
    """Report nothing beside the terms."""
    del seen
    return {}


class Loss(NamedTuple):
    r"""A loss of images as a weighted sum of named terms, and how to see what the model meant.

    Attributes:
        terms: ``terms(seen) -> {name: Term}``. What is minimised is the sum of weight times mean
            over the images; what is reported of each term is the mean alone.
        reconstruct: ``reconstruct(decoded)``: the output as pixels in [0, 1], of the same shape;
            ``None`` for a loss that does not look at pixels.
        expects: What the output must be: pixel ``"values"``, or ``"logits"`` from a linear layer;
            ``None`` if either will do.
        report: ``report(seen) -> {name: (n,)}``: what evaluations show beside the terms.
        likelihood: Whether the terms sum to :math:`-\log p(x \mid z)` in nats per image, all
            constants included.
        sampled: ``sampled(key, seen)``: the loss of targets drawn from the model's own distribution
            of pixels, shape (), its gradients of mean 0 with the loss's Gauss-Newton matrix for
            their covariance; ``None`` where there is no such distribution.
        code_range: Between which numbers codes must lie for the loss to mean something; ``None``:
            anywhere.
    """

    terms: Callable[[Seen], Mapping[str, Term]]
    reconstruct: Callable[[jax.Array], jax.Array] | None = None
    expects: Literal["values", "logits"] | None = None
    report: Report = no_report
    likelihood: bool = False
    sampled: Callable[[jax.Array, Seen], jax.Array] | None = None
    code_range: tuple[float, float] | None = None

    def __repr__(self) -> str:
        """Return what made it and what it is a loss of."""
        made_by = getattr(self.terms, "__qualname__", "loss").partition(".")[0]
        return f"<Loss {made_by}, of {self.expects or 'any output'}>"

    def __call__(self, seen: Seen) -> jax.Array:
        """Return the loss of a batch; shape ()."""
        return sum_of_terms(self.terms(seen), seen)

    def as_pixels(self, decoded: jax.Array) -> jax.Array:
        """Return an output as pixels in [0, 1]; as it is if the loss does not look at pixels."""
        return decoded if self.reconstruct is None else self.reconstruct(decoded)


def sum_of_terms(terms: Mapping[str, Term], seen: Seen) -> jax.Array:
    """Return the weighted sum of the terms' means over the images that count."""
    total = None
    for value, weight in terms.values():
        mean = seen.mean(value) if value.ndim else value
        # A weight of one, the usual one, is not worth a multiplication.
        part = mean if isinstance(weight, float) and weight == 1 else scalar(weight, mean) * mean
        total = part if total is None else total + part
    assert total is not None, "a loss has at least one term"
    return total


def with_draws(loss: Loss, draw: Callable[[jax.Array, Seen], jax.Array]) -> Loss:
    """Return the loss, with ``sampled`` for targets that ``draw(key, seen)`` returns."""

    def sampled(key, seen):
        return loss(seen._replace(target=jax.lax.stop_gradient(draw(key, seen))))

    return loss._replace(sampled=sampled)


def of_pixels(
    name: str, per_image: Callable[[jax.Array, jax.Array], jax.Array], **fields: Any
) -> Loss:
    """Make a loss of one term: ``per_image(decoded, target) -> (n,)``."""

    def terms(seen):
        return {name: Term(per_image(seen.output.decoded, seen.target))}

    terms.__qualname__ = name  # By which the loss is called where it is printed.
    return Loss(terms, **fields)


def over_pixels(reduce: Callable[..., jax.Array], values: jax.Array) -> jax.Array:
    """Reduce values (n, ...) over all but the first axis; shape (n,)."""
    return reduce(values, axis=tuple(range(1, values.ndim)))


def as_it_is(decoded: jax.Array) -> jax.Array:
    """Read an output of pixel values as pixels."""
    return decoded
