"""One layer that finds which entries of a dictionary an input is made of."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx

from ae_optax._checks import check_positive_integer
from ae_optax.lab.models._adapters import from_nnx
from ae_optax.lab.models._bottleneck import RANGES, keep_largest
from ae_optax.lab.models._model import Model
from ae_optax.lab.models._output import Output
from ae_optax.lab.models._sparsifiers import Running, Sparse

ITERATIONS = 30


class Dictionary(nnx.Module):
    """A dictionary, and an encoder that finds its entries.

    Attributes:
        encoder: From the input, the bias of the decoder taken off, to the code.
        decoder: The dictionary: row j of its kernel is entry j; its bias is where inputs lie about.
        activation: Makes the code sparse.
        silent: For how many steps a unit has not been used; shape (code,), int32.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        code: int,
        activation: Callable[[jax.Array], Sparse],
        *,
        dead_after: int,
        rngs: nnx.Rngs,
    ):
        inputs = math.prod(shape)
        entries = jax.random.normal(rngs.params(), (code, inputs))
        entries = entries / jnp.linalg.norm(entries, axis=1, keepdims=True)
        self.encoder = nnx.Linear(inputs, code, rngs=rngs)
        self.decoder = nnx.Linear(code, inputs, rngs=rngs)
        self.encoder.kernel[...] = entries.T
        self.decoder.kernel[...] = entries
        self.activation = activation
        self.silent = Running(jnp.zeros([code], jnp.int32))
        self.dead_after = dead_after
        self.n_revived = min(max(1, inputs // 2), code)
        self.deterministic = False

    def decode(self, code: jax.Array) -> jax.Array:
        """Return what codes (n, code) decode to, flat; shape (n, inputs)."""
        return self.decoder(code)

    def __call__(self, x: jax.Array) -> Output:
        """Return what becomes of inputs (n, ...)."""
        assert self.decoder.bias is not None
        encoded = self.encoder(x.reshape(x.shape[0], -1) - self.decoder.bias[...][None])
        code, told = self.activation(encoded)
        silent = self.silent[...]
        dead = jnp.where(silent >= self.dead_after, nnx.relu(encoded), 0)
        revived = keep_largest(dead, self.n_revived) @ self.decoder.kernel[...]
        if not self.deterministic:
            self.silent[...] = jnp.where(jnp.any(code != 0, axis=0), 0, silent + 1)
        told = {**told, "revived": revived.reshape(x.shape)}
        return Output(self.decode(code).reshape(x.shape), code, told=told)


def make_dictionary(
    code: int, activation: Callable[[], Callable[[jax.Array], Sparse]], *, dead_after: int
) -> Model:
    """Make a dictionary, whose decoder starts about the geometric median of the inputs."""
    check_positive_integer("code", code)
    check_positive_integer("dead_after", dead_after)

    def build(shape, rngs):
        return Dictionary(shape, code, activation(), dead_after=dead_after, rngs=rngs)

    model = from_nnx(build, decode=Dictionary.decode)

    def init(key, x):
        params, state = model.init(key, x)
        params["decoder"]["bias"] = geometric_median(x.reshape(x.shape[0], -1))
        return params, state

    return model._replace(init=init, code_range=RANGES["relu"], name="Dictionary")


def geometric_median(points: jax.Array) -> jax.Array:
    r"""Return the point whose distances to ``points`` (n, d) have the smallest sum; shape (d,).

    By Weiszfeld's iteration from the mean; unlike that it does not follow a few far points.
    """

    def closer(_, median):
        distances = jnp.linalg.norm(points - median[None], axis=1)
        weights = 1 / jnp.maximum(distances, jnp.finfo(points.dtype).eps * jnp.max(distances))
        weights = jnp.where(jnp.isfinite(weights), weights, 1)
        return weights @ points / jnp.sum(weights)

    return jax.lax.fori_loop(0, ITERATIONS, closer, jnp.mean(points, axis=0))
