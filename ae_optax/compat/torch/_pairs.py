"""Complex parameters as PyTorch has them: pairs of real numbers."""

from typing import Any

import jax
import jax.numpy as jnp

from ae_optax._transformation import Transformation


def in_pairs(rule: Transformation) -> Transformation:
    """Return a rule for which a complex array is a real one with an axis of length 2 more.

    So each part has moments of its own, which PyTorch calls ``view_as_real``. Real arrays are left
    alone, and the state of a rule for them is what it was.
    """

    def init(params):
        return rule.init(_as_pairs(params))

    def update(updates, state, params=None, **extra):
        pairs = None if params is None else _as_pairs(params)
        out, state = rule.update(_as_pairs(updates), state, pairs, **extra)
        return _as_complex(out, updates), state

    made = Transformation(init, update)
    made.name, made.arguments, made.body = rule.name, rule.arguments, rule.body
    return made


def _as_pairs(tree: Any) -> Any:
    return jax.tree.map(_pair, tree)


def _pair(x):
    if isinstance(x, jax.ShapeDtypeStruct):
        return jax.eval_shape(_pair, x)
    if not jnp.iscomplexobj(x):
        return x
    return jnp.stack([jnp.real(x), jnp.imag(x)], axis=-1)


def _as_complex(pairs: Any, like: Any) -> Any:
    return jax.tree.map(
        lambda u, x: jax.lax.complex(u[..., 0], u[..., 1]) if jnp.iscomplexobj(x) else u,
        pairs,
        like,
    )
