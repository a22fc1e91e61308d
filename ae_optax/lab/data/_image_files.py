"""Image files: which there are in a folder, and the pixels of one."""

import os
import warnings
from pathlib import Path

import numpy as np

from ae_optax.lab.data._dataset import DataError
from ae_optax.lab.data._optional import optional

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp")
WIDE = ("I", "F")  # Modes of more than eight bits, which Pillow would clip.


def image_files(folder: Path) -> list[Path]:
    """Return the image files in a folder and below it, in the order of their paths.

    Files of other kinds and hidden ones are passed over.

    Raises:
        DataError: If a folder cannot be read, or there is no image.
    """

    def stop(error):
        raise DataError(f"{error.filename}: cannot be read: {error.strerror}.") from error

    if not folder.is_dir():
        raise DataError(f"{folder}: must be a folder of images.")
    found = [
        Path(place, name)
        for place, _, names in os.walk(folder, onerror=stop, followlinks=True)
        for name in names
        if name.lower().endswith(SUFFIXES) and not name.startswith(".")
    ]
    if not found:
        raise DataError(f"{folder}: holds no images ({', '.join(SUFFIXES)}).")
    return sorted(found, key=lambda file: file.relative_to(folder).as_posix())


def read_pixels(file: Path, *, grey: bool) -> np.ndarray:
    """Read an image, turned as its camera was held.

    Returns:
        Bytes of shape (height, width) if ``grey``, else (height, width, 3).

    Raises:
        DataError: If the file is missing, damaged, no image, or of more than eight bits a channel.
    """
    pillow = optional("PIL.Image", package="Pillow", purpose="reading images")
    turned = optional("PIL.ImageOps", package="Pillow", purpose="reading images").exif_transpose
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # On odd metadata, which do not matter here.
            with pillow.open(file) as image:
                mode = image.mode
                pixels = np.asarray(turned(image).convert("L" if grey else "RGB"))
    except Exception as error:  # A damaged file raises a dozen kinds, SyntaxError among them.
        reason = " ".join(str(error).replace(f" {str(file)!r}", "").split())
        raise DataError(f"{file}: cannot be read as an image: {reason}.") from error
    if mode.startswith(WIDE):
        raise DataError(f"{file}: must have eight bits a channel, got Pillow's mode {mode!r}.")
    return pixels
