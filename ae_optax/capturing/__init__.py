"""Capturing: what went into each layer of a model, and the gradients that came back to it."""

from ae_optax.capturing._capture import CaptureError, capture
from ae_optax.capturing._layer import Factors, Layer, Layers

__all__ = ["CaptureError", "Factors", "Layer", "Layers", "capture"]
