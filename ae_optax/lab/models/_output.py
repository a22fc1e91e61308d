"""What a model makes of images."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax


class Gaussian(NamedTuple):
    """A diagonal normal distribution over codes, one for each image.

    Attributes:
        mean: Shape (n, code).
        log_variance: Natural logarithm of the variances; shape (n, code).
    """

    mean: jax.Array
    log_variance: jax.Array


class Output(NamedTuple):
    """What a model makes of images, and what it thought on the way.

    Attributes:
        decoded: Pixels or, before a squashing, logits; shape of the images.
        code: What the decoder was given; shape (n, code). ``None`` if the model does not tell.
        posterior: The distribution that a variational model drew the code from, or ``None``.
        log_variance: Natural logarithm of the variance that a model gives its pixels, shape () or
            that of the images; ``None`` if it gives none.
        told: What else there is to say, by name, for losses and metrics that are made for it:
            ``l0``, how many units an image uses, shape (n,), with the derivative that its model
            gives it; ``revived``, what units that have died make of the images, beside what is
            decoded, shape of the images.
    """

    decoded: jax.Array
    code: jax.Array | None = None
    posterior: Gaussian | None = None
    log_variance: jax.Array | None = None
    told: Mapping[str, jax.Array] = {}

    @property
    def mean_code(self) -> jax.Array | None:
        """The code without what was drawn: the mean of the posterior, if there is one."""
        return self.code if self.posterior is None else self.posterior.mean


def as_output(output: Any) -> Output:
    """Return ``output`` if it is an ``Output``, and else one that only decodes."""
    return output if isinstance(output, Output) else Output(output)
