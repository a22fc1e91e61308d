"""Layers for transformations that need them, where a test has gradients alone.

Of every matrix ``G`` of the gradients a layer is made that has it for its gradient: as many
examples as it has rows, the inputs of the n-th the n-th unit vector, its output gradients the n-th
row. At other parameters they are those of the gradients that are equal to them.
"""

import jax
import jax.numpy as jnp

from ae_optax._transformation import Transformation
from ae_optax._trees import own_keys
from ae_optax.capturing import Layer, Layers
from ae_optax.capturing._forms import Rows
from ae_optax.transforms import needs


def with_layers(tx, state=None):
    """Return ``tx``, given layers of its gradients if it, or its ``state``, needs some."""
    if not needs(jax.eval_shape(tx.init, {"w": jnp.ones((2, 2))}) if state is None else state):
        return tx

    def update(updates, state, params=None, **extra):
        told = dict.fromkeys(needs(state), layers_of(updates)) | {"layers_at": layers_of}
        return tx.update(updates, state, params, **told | extra)

    made = Transformation(tx.init, update)
    if isinstance(tx, Transformation):
        made.name, made.arguments, made.body = tx.name, tx.arguments, tx.body
    return made


def layers_of(gradients):
    """Return a layer for every matrix of the gradients; a vector beside it is its bias."""
    keyed = [(own_keys(p), leaf) for p, leaf in jax.tree.leaves_with_path(gradients)]
    return Layers(
        tuple(
            _layer(path, leaf, keyed)
            for path, leaf in keyed
            if jnp.ndim(leaf) > 1 and jnp.size(leaf)
        )
    )


def _layer(path, kernel, keyed):
    outputs = kernel.shape[-1]
    d = kernel.reshape(-1, 1, outputs)
    biases = [p for p, leaf in keyed if p[:-1] == path[:-1] and jnp.shape(leaf) == (outputs,)]
    return Layer(
        inputs=jnp.eye(len(d), dtype=d.dtype)[:, None],
        output_gradients=d,
        kernel=jax.tree_util.keystr(path),
        bias=jax.tree_util.keystr(biases[0]) if biases else None,
        shape=kernel.shape,
        in_axes=tuple(range(kernel.ndim - 1)),
        out_axes=(kernel.ndim - 1,),
        form=Rows(),
    )
