"""Checks before a run starts."""

from ae_optax.data import DataError, Dataset, check_images


def check_trainable(data: Dataset, batch_size: int) -> None:
    """Raise ``DataError`` if a set holds bad pixels or fewer training images than a batch."""
    for part in ("train", "validation", "test"):
        images = getattr(data, part)
        if part != "validation" or len(images):
            check_images(images, name=f"{data.name} ({data.source}), {part}")
    if batch_size > len(data.train):
        raise DataError(
            f"{data.name} ({data.source}): `batch_size` must be at most the {len(data.train)} "
            f"training images, got {batch_size}."
        )
