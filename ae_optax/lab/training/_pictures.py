"""What there is to see of a run, as arrays for a file."""

import jax
import numpy as np
from numpy.typing import ArrayLike

from ae_optax.lab.training._evaluate import make_reconstruct
from ae_optax.lab.training._images import N_SHOWN
from ae_optax.lab.training._plane import plane
from ae_optax.lab.training._samples import make_codes, make_samples
from ae_optax.lab.training._state import TrainState
from ae_optax.lab.training._task import Task


def pictures_of(task: Task, state: TrainState) -> dict[str, np.ndarray]:
    """Return test images and what the model of a state makes of them, as arrays for a file."""
    images = task.data.test
    shown = images[:N_SHOWN]
    inputs, outputs = jax.jit(make_reconstruct(task))(state, shown)
    samples = jax.jit(make_samples(task))(state, shown)
    codes = jax.jit(make_codes(task))(state, images)
    return {
        "originals": np.asarray(shown),
        **pictures(*jax.device_get((inputs, outputs, samples, codes))),
    }


def pictures(
    inputs: ArrayLike,
    reconstructions: ArrayLike,
    samples: ArrayLike | None,
    codes: ArrayLike | None,
) -> dict[str, np.ndarray]:
    """Return what there is to see of a run as arrays for a file.

    Args:
        inputs: What the model was given; shape (k, ...).
        reconstructions: What it made of them; likewise.
        samples: What it decoded from random codes; likewise, or ``None``.
        codes: Where it put test images; shape (n, code), or ``None``.

    Returns:
        ``inputs``, ``reconstructions`` and, where there are any, ``samples``, ``codes`` (points of
        a plane, shape (n, 2)) and ``code_width``.
    """
    arrays = {"inputs": np.asarray(inputs), "reconstructions": np.asarray(reconstructions)}
    if samples is not None:
        arrays["samples"] = np.asarray(samples)
    if codes is not None:
        codes = np.asarray(codes)
        points = plane(codes)
        if points is not None:
            arrays |= {"codes": points, "code_width": np.array(codes.shape[1])}
    return arrays
