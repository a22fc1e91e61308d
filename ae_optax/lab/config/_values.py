"""Scalars checked against what a parameter accepts: no number is made from text or `true`."""

from typing import Any

import jax.numpy as jnp

from ae_optax.lab.config._call import FAILED
from ae_optax.lab.config._names import did_you_mean
from ae_optax.lab.config._nodes import Items, Node, Number, Scalar, key_value, shown
from ae_optax.lab.config._types import Accepts

DTYPES = ("bfloat16", "float16", "float32", "float64")


def scalar(node: Scalar, wanted: Accepts) -> tuple[Any, str]:
    """Return the value of ``node``, or ``FAILED`` and the reason."""
    value = node.value
    if any(type(value) is type(c) and value == c for c in wanted.choices):
        return value, ""
    if value is None:
        fits = wanted.none
    elif isinstance(value, bool):
        fits = wanted.boolean
    elif isinstance(value, int):
        fits = wanted.integer or wanted.number
        if fits and not wanted.integer:
            return _float(node)
    elif isinstance(value, float):
        fits = wanted.number
        if isinstance(node, Number) and wanted.integer and not fits:
            return round(value), ""
    else:
        fits = wanted.text or (wanted.dtype and _is_dtype(value))
    return (value, "") if fits else (FAILED, expected(node, wanted))


def expected(node: Node, wanted: Accepts) -> str:
    """Return what is wrong with ``node``: what was expected, what was found, the way out."""
    if not wanted.expressible:
        return (
            "takes a function or a tree of arrays, which a config cannot express. "
            "Leave it out, or use it from Python."
        )
    return f"expected {wanted}, got {shown(node)}.{_way_out(node, wanted)}"


def _way_out(node, wanted):
    if isinstance(node, Items):
        return " Write {chain: [...]}." if "optimizer" in wanted.kinds else ""
    if not isinstance(node, Scalar):
        return ""
    if isinstance(node.value, float) and wanted.integer and node.value.is_integer():
        return f" Write {int(node.value)}."
    if not isinstance(node.value, str):
        return f" Write '{node.text}', in quotes." if wanted.text and node.text else ""
    return _way_out_of_text(node.value, wanted)


def _way_out_of_text(text, wanted):
    number = key_value(text.strip().replace("_", "")) if wanted.number or wanted.integer else text
    if not isinstance(number, str):
        return f" Write {text.strip().replace('_', '')}, without quotes or underscores."
    if text == "swept" and wanted.number:
        return " Only a comparison sweeps."
    words = [c for c in wanted.choices if isinstance(c, str)] + list(DTYPES * wanted.dtype)
    guess = did_you_mean(text, words)
    if not guess and wanted.kinds and text.isidentifier():
        return f" Write {{name: {text}}}."
    return guess


def _float(node):
    try:
        return float(node.value), ""
    except OverflowError:
        return FAILED, f"the number is too large, got {shown(node)}."


def _is_dtype(text):
    try:
        return jnp.issubdtype(jnp.dtype(text), jnp.inexact)
    except TypeError:
        return False
