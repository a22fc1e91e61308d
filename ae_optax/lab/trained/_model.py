"""A trained autoencoder as functions of NumPy arrays."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from ae_optax._checks import check_at_least, check_positive_integer
from ae_optax.lab.data import DataError, Scaling, as_values
from ae_optax.lab.losses import Loss
from ae_optax.lab.models import Model, Output, as_output

SEED = 0
"""Of what is random in a model although it is not trained."""


class TrainedModel:
    """An autoencoder with its parameters, which takes and gives NumPy arrays.

    Images are (n, height, width) or (n, height, width, channels) of the size trained on, as in
    :func:`ae_optax.lab.data.from_arrays`: floats in [0, 1], or bytes. What comes back are pixels in
    [0, 1], also where the loss takes logits, and codes without what a variational model draws.
    Vectors (n, d) are given, and come back, in the units of the data; they are standardized in
    between as those trained on were.
    Each function is compiled once: batches are filled up to one size.

    Attributes:
        model: The functions.
        loss: What tells how outputs are pixels.
        params: The parameters, those at which the optimizer wants the model evaluated.
        model_state: What else the model remembers.
        shape: Of an image.
        scaling: What was done to the vectors that it was trained on.
    """

    def __init__(
        self,
        model: Model,
        loss: Loss,
        params: Any,
        model_state: Any,
        shape: tuple[int, ...],
        *,
        scaling: Scaling | None = None,
        batch_size: int = 256,
    ):
        """Describe the model; nothing is compiled yet.

        Args:
            model: The functions.
            loss: What it was trained by.
            params: Its parameters.
            model_state: What else it remembers; ``{}`` for nothing.
            shape: Of an image.
            scaling: What was done to the vectors that it was trained on; ``None`` for nothing.
            batch_size: Images at a time, at least 1; bounds the memory.

        Raises:
            TypeError: If ``batch_size`` is no integer.
            ValueError: If it is below 1.
        """
        check_positive_integer("batch_size", batch_size)
        self.model, self.loss, self.params, self.model_state = model, loss, params, model_state
        self.shape, self.batch_size = tuple(shape), batch_size
        self.scaling = Scaling() if scaling is None else scaling
        self._compiled = {
            function: jax.jit(function)
            for function in (self.encode_batch, self.decode_batch, self.reconstruct_batch)
        }

    def __repr__(self):
        numbers = sum(leaf.size for leaf in jax.tree.leaves(self.params))
        return f"TrainedModel(images of {'×'.join(map(str, self.shape))}, {numbers} parameters)"

    @property
    def code_shape(self) -> tuple[int, ...]:
        """Shape of a code.

        Raises:
            ValueError: If the model does not tell its code.
        """
        return self._made(self.encode_batch, np.zeros((1, *self.shape), np.float32))

    def encode(self, images: ArrayLike) -> np.ndarray:
        """Return the codes of images; shape (n, code).

        Raises:
            DataError: If these are no images of the size trained on.
            ValueError: If the model does not tell its code.
        """
        return self._in_batches(self.encode_batch, self._images(images))

    def decode(self, codes: ArrayLike) -> np.ndarray:
        """Return what codes (n, code) decode to, pixels; shape (n, ...).

        Raises:
            ValueError: If codes have another width, or the model has no ``decode``.
        """
        codes = np.asarray(codes, np.float32)
        if codes.shape[1:] != self.code_shape:
            wanted = ", ".join(map(str, self.code_shape))
            raise ValueError(f"`codes` must have the shape (n, {wanted}), got {codes.shape}.")
        return self._as_given(self._in_batches(self.decode_batch, codes))

    def reconstruct(self, images: ArrayLike) -> np.ndarray:
        """Return what the model makes of images, pixels; shape (n, ...).

        Raises:
            DataError: If these are no images of the size trained on.
        """
        return self._as_given(self._in_batches(self.reconstruct_batch, self._images(images)))

    def errors(self, images: ArrayLike) -> np.ndarray:
        """Return the mean squared error per pixel of each image; shape (n,).

        Of vectors, where they are standardized. What an autoencoder cannot give back is unlike what
        it was trained on: its anomaly score.

        Raises:
            DataError: If these are no images of the size trained on.
        """
        values = self._images(images)
        wrong = self._in_batches(self.reconstruct_batch, values) - values
        return np.square(wrong).reshape(len(values), -1).mean(axis=1)

    def sample(self, n: int, *, seed: int = 0) -> np.ndarray:
        """Return what ``n`` draws of a standard normal distribution decode to; shape (n, ...).

        Raises:
            ValueError: If nothing has drawn the model's codes towards that distribution, or ``n``
                or ``seed`` is negative.
        """
        check_at_least("n", n, 0)
        check_at_least("seed", seed, 0)
        posterior = self._seen().posterior
        if posterior is None:
            raise ValueError(
                "only a variational model can be sampled, since the codes of no other follow a "
                "known distribution: `interpolate` between images, or `decode` codes near theirs."
            )
        shape = (n, *posterior.mean.shape[1:])
        return self.decode(np.asarray(jax.random.normal(jax.random.key(seed), shape)))

    def interpolate(self, first: ArrayLike, last: ArrayLike, n: int = 10) -> np.ndarray:
        """Return what ``n`` codes decode to, on the line from one image's code to another's.

        Args:
            first: An image, without the leading axis.
            last: Likewise.
            n: At least 2; the ends are among them.

        Raises:
            DataError: If these are no images of the size trained on.
            ValueError: If ``n`` is below 2, or the model does not tell its code or has no
                ``decode``.
        """
        check_at_least("n", n, 2)
        start, end = self.encode(np.stack([np.asarray(first), np.asarray(last)]))
        along = np.linspace(0, 1, n, dtype=np.float32)[:, None]
        return self.decode((1 - along) * start + along * end)

    def encode_batch(self, params: Any, model_state: Any, images: jax.Array) -> jax.Array:
        """Return the codes of images, a pure function to be compiled."""
        code = self._output(params, model_state, images).mean_code
        if code is None:
            raise ValueError("`model` must tell its code: let it return an `Output` with one.")
        return code.astype(jnp.float32)

    def decode_batch(self, params: Any, model_state: Any, codes: jax.Array) -> jax.Array:
        """Return what codes decode to, a pure function to be compiled."""
        if self.model.decode is None:
            raise ValueError("`model` must have a `decode`, got one whose code is not enough.")
        decoded = self.model.decode(params, model_state, codes, self.shape)
        return self.loss.as_pixels(decoded).astype(jnp.float32)

    def reconstruct_batch(self, params: Any, model_state: Any, images: jax.Array) -> jax.Array:
        """Return what the model makes of images, a pure function to be compiled."""
        output = self._output(params, model_state, images)
        if output.posterior is not None and self.model.decode is not None:
            # What is drawn would depend on the place in the batch.
            return self.decode_batch(params, model_state, output.posterior.mean)
        return self.loss.as_pixels(output.decoded).astype(jnp.float32)

    def _output(self, params, model_state, images) -> Output:
        key = jax.random.key(SEED)
        return as_output(self.model.apply(params, model_state, images, key, False)[0])

    def _seen(self) -> Output:
        """Return the shapes of what the model makes of an image."""
        image = jax.ShapeDtypeStruct((1, *self.shape), jnp.float32)
        return jax.eval_shape(self._output, self.params, self.model_state, image)

    def _images(self, images) -> np.ndarray:
        found = as_values(images, scaling=self.scaling, name="`images`")
        if found.shape[1:] != self.shape:
            raise DataError(
                f"`images` must have the shape (n, {', '.join(map(str, self.shape))}), "
                f"got {found.shape}."
            )
        return found

    def _as_given(self, values: np.ndarray) -> np.ndarray:
        """Return vectors in the units of their source; images stay pixels in [0, 1]."""
        return self.scaling.invert(values) if len(self.shape) == 1 else values

    def _in_batches(self, function: Callable[..., jax.Array], rows: np.ndarray) -> np.ndarray:
        compiled, size = self._compiled[function], self.batch_size
        made = [np.zeros((0, *self._made(function, rows)), np.float32)]
        for start in range(0, len(rows), size):
            part = rows[start : start + size]
            rest = np.zeros((size - len(part), *part.shape[1:]), part.dtype)
            filled = np.concatenate([part, rest])
            made.append(np.asarray(compiled(self.params, self.model_state, filled))[: len(part)])
        return np.concatenate(made)

    def _made(self, function, rows):
        row = jax.ShapeDtypeStruct((1, *rows.shape[1:]), rows.dtype)
        return jax.eval_shape(function, self.params, self.model_state, row).shape[1:]
