"""The best linear autoencoder, which training cannot improve upon: a level to compare with."""

from collections.abc import Callable

import numpy as np

from ae_optax._checks import check_positive_integer


def pca(images: np.ndarray, components: int) -> Callable[[np.ndarray], np.ndarray]:
    r"""Fit the linear autoencoder with the least squared error, in closed form.

    .. math::

        \hat x = \bar x + V V^\top (x - \bar x)

    with the first right singular vectors of the centred images as the columns of :math:`V`.

    Args:
        images: Those to fit, of shape (n, ...).
        components: Width of the code, from 1 to the number of pixels.

    Returns:
        What reconstructs images of the same size: ``(k, ...) -> (k, ...)``, float64.

    Raises:
        TypeError: If ``components`` is no integer.
        ValueError: If ``components`` is out of range.
    """
    check_positive_integer("components", components)
    flat = images.reshape(len(images), -1).astype(np.float64)
    if components > flat.shape[1]:
        raise ValueError(
            f"`components` must be at most the number of pixels, {flat.shape[1]}, got {components}."
        )
    mean = flat.mean(axis=0)
    # The vectors of X by those of X^T X, a square of pixels: images are many more than pixels.
    _, vectors = np.linalg.eigh((flat - mean).T @ (flat - mean))
    basis = vectors[:, -components:]

    def reconstruct(images):
        centred = images.reshape(len(images), -1) - mean
        return (mean + (centred @ basis) @ basis.T).reshape(images.shape)

    return reconstruct
