"""Codes of any width as points of a plane."""

import numpy as np


def plane(codes: np.ndarray) -> np.ndarray | None:
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
