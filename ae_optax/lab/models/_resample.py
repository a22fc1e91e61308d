"""New weights for units that have died."""

from typing import Any

import jax
import jax.numpy as jnp

from ae_optax._checks import check_positive_integer
from ae_optax.lab.models._model import Model
from ae_optax.lab.models._output import as_output

SHORTER = 0.2
"""How long a new unit of the encoder is, as a share of the others' mean length."""


def resample_dead(model: Model, *, every: int, dead_after: int) -> Model:
    r"""Give the dead units of a dictionary new weights, at inputs that it explains badly.

    Before every so many steps, each unit that has not been used for ``dead_after`` of them draws an
    input :math:`x` of the batch with probability proportional to its squared error, and is made a
    unit of it: with :math:`\hat x` the direction of :math:`x - b`, its entry of the dictionary
    becomes :math:`\hat x`, its unit of the encoder :math:`\hat x` times a fifth of the mean length
    of those of the units in use, its bias zero. The optimizer is told which units they are: what it
    remembers of them starts over under :func:`~ae_optax.reset_units`.

    Args:
        model: A dictionary, :func:`topk_dictionary` for instance.
        every: How many steps lie between two times, at least 1.
        dead_after: How many steps without use make a unit dead, at least 1.

    Returns:
        The model, which now changes its own weights between steps.

    Raises:
        TypeError: If a number is no integer.
        ValueError: If a number is below 1; when started, if ``model`` is no dictionary.

    References:
        Bricken et al., `Towards Monosemanticity
        <https://transformer-circuits.pub/2023/monosemantic-features>`_, appendix on neuron
        resampling, 2023.
    """
    check_positive_integer("every", every)
    check_positive_integer("dead_after", dead_after)

    def init(key, x):
        params, state = model.init(key, x)
        if "silent" not in state:
            raise ValueError(
                "`model` must be a dictionary, which counts how long its units have been silent, "
                "as topk_dictionary does; got a model that does not."
            )
        return params, {"model": state, "steps": jnp.zeros([], jnp.int32)}

    def apply(params, state, x, key, train):
        output, its = model.apply(params, state["model"], x, key, train)
        return output, {**state, "model": its}

    def decode(params, state, code, shape):
        assert model.decode is not None
        return model.decode(params, state["model"], code, shape)

    def renew(params, state, x, key):
        steps, its = state["steps"] + 1, state["model"]
        dead = (its["silent"] >= dead_after) & (state["steps"] % every == 0)

        def revive(params, key) -> Any:
            output, _ = model.apply(params, its, x, key, False)
            errors = jnp.square(as_output(output).decoded - x).reshape(x.shape[0], -1).sum(axis=1)
            return revived(params, dead, x.reshape(x.shape[0], -1), errors, key)

        params = jax.lax.cond(jnp.any(dead), revive, lambda params, _: params, params, key)
        its = {**its, "silent": jnp.where(dead, 0, its["silent"])}
        return params, {"model": its, "steps": steps}, dead

    decodes = model.decode and decode
    return model._replace(init=init, apply=apply, decode=decodes, renew=renew)


def revived(params, dead, x, errors, key):
    """Return the parameters in which the dead units (code,) are drawn from inputs (n, d)."""
    encoder, decoder = params["encoder"], params["decoder"]
    drawn = jax.random.categorical(key, jnp.log(errors), shape=dead.shape)
    towards = x[drawn] - decoder["bias"][None]
    lengths = jnp.linalg.norm(towards, axis=1, keepdims=True)
    towards = towards / jnp.maximum(lengths, jnp.finfo(x.dtype).tiny)
    others = jnp.linalg.norm(encoder["kernel"], axis=0)
    alive = (~dead).astype(x.dtype)
    length = SHORTER * jnp.sum(alive * others) / jnp.maximum(jnp.sum(alive), 1)
    row, column = dead[:, None], dead[None]
    return {
        **params,
        "encoder": {
            "kernel": jnp.where(column, length * towards.T, encoder["kernel"]),
            "bias": jnp.where(dead, 0, encoder["bias"]),
        },
        "decoder": {**decoder, "kernel": jnp.where(row, towards, decoder["kernel"])},
    }
