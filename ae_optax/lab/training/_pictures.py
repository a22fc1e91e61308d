"""What there is to see of a run, as arrays for a file."""

import jax
import numpy as np
from numpy.typing import ArrayLike

from ae_optax.lab.data import Labels
from ae_optax.lab.training._evaluate import (
    Reconstructions,
    make_codes,
    make_reconstruct,
    make_samples,
)
from ae_optax.lab.training._state import TrainState
from ae_optax.lab.training._task import N_SHOWN, Task


def pictures_of(task: Task, state: TrainState) -> dict[str, np.ndarray]:
    """Return test images and what the model of a state makes of them, as arrays for a file."""
    images = task.data.stored.test
    shown = task.data.evenly(N_SHOWN)
    made = (
        jax.jit(make_reconstruct(task))(state, shown),
        jax.jit(make_samples(task))(state, shown),
        jax.jit(make_codes(task))(state, images),
    )
    originals = task.data.values(shown)
    return {"originals": originals, **pictures(*jax.device_get(made), labels=task.data.labels)}


def pictures(
    reconstructions: Reconstructions,
    samples: ArrayLike | None,
    codes: ArrayLike | None,
    *,
    labels: Labels | None = None,
) -> dict[str, np.ndarray]:
    """Return what there is to see of a run as arrays for a file.

    Args:
        reconstructions: What the model was given and what it made of it; shape (k, ...).
        samples: What it decoded from random codes; likewise, or ``None``.
        codes: Where it put the first test images; shape (n, code), or ``None``.
        labels: What is on the images, or ``None``.

    Returns:
        ``inputs``, ``reconstructions`` and, where there are any, ``samples``, ``codes`` (points of
        a plane, shape (n, 2)) and ``code_width``, and of labelled images ``labels`` (positions in
        ``classes``, shape (n,)) and ``classes``.
    """
    inputs, outputs = reconstructions
    arrays = {"inputs": np.asarray(inputs), "reconstructions": np.asarray(outputs)}
    if samples is not None:
        arrays["samples"] = np.asarray(samples)
    if codes is not None:
        codes = np.asarray(codes)
        points = project_to_plane(codes)
        if points is not None:
            arrays |= {"codes": points, "code_width": np.array(codes.shape[1])}
            if labels is not None:
                names = np.asarray(labels.classes)
                arrays |= {"labels": labels.test[: len(points)], "classes": names}
    return arrays


def project_to_plane(codes: np.ndarray) -> np.ndarray | None:
    r"""Return codes as points of a plane.

    Codes of two numbers are such points. Of wider ones the two principal components are taken:
    with :math:`C` the centred codes and :math:`C = U S V^\top`, the first two columns of
    :math:`C V`, each direction such that its largest entry is positive.

    Args:
        codes: Shape (n, code).

    Returns:
        Shape (n, 2); ``None`` if codes are narrower, not of rank 2 or not finite.

    References:
        Pearson, `On Lines and Planes of Closest Fit to Systems of Points in Space
        <https://doi.org/10.1080/14786440109462720>`_, Philosophical Magazine 2, 1901.
    """
    if codes.ndim != 2 or codes.shape[1] < 2 or not np.isfinite(codes).all():
        return None
    if codes.shape[1] == 2:
        return codes
    centred = codes - codes.mean(axis=0)
    directions = np.linalg.svd(centred, full_matrices=False)[2][:2]
    if len(directions) < 2:
        return None
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    return centred @ (directions * np.where(largest < 0, -1, 1).astype(codes.dtype)).T
