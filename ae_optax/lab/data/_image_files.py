"""Image files: which they are, and the pixels of one."""

import re
import warnings
from pathlib import Path
from typing import BinaryIO

import numpy as np

from ae_optax.lab.data._errors import DataError
from ae_optax.lab.data._optional import optional

SUFFIXES = (
    *(".bmp", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png"),
    *(".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)
FORMATS = ("BMP", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
"""Of no other does Pillow open a file, whatever its name: some start programs."""

WIDE = ("I", "F")  # Modes of more than eight bits, which Pillow would clip.


def read_pixels(file: Path | BinaryIO, *, grey: bool, name: str | None = None) -> np.ndarray:
    """Read an image, turned as its camera was held.

    Args:
        file: The file, or its content.
        grey: Whether of one channel; else three.
        name: With which messages begin; ``None``: the path.

    Returns:
        Bytes of shape (height, width) if ``grey``, else (height, width, 3).

    Raises:
        DataError: If the file is missing, damaged, of another format, of several images, or of
            more than eight bits a channel.
    """
    pillow = optional("PIL.Image", package="Pillow", purpose="reading images")
    turned = optional("PIL.ImageOps", package="Pillow", purpose="reading images").exif_transpose
    name = str(file) if name is None else name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # On odd metadata, which do not matter here.
            with pillow.open(file, formats=FORMATS) as image:
                fault = _fault(image)
                if not fault:
                    return np.array(turned(image).convert("L" if grey else "RGB"))
    except Exception as error:  # A damaged file raises a dozen kinds, SyntaxError among them.
        reason = " ".join(str(error).replace(f" {str(file)!r}", "").split())
        raise DataError(f"{name}: cannot be read as an image: {reason}.") from error
    raise DataError(f"{name}: {fault}.")


def _fault(image) -> str | None:
    """Return what of an image Pillow would leave out in silence, or ``None``."""
    # A camera's MPO holds one image, and then previews and depths of it.
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > 1:
        return f"must be one image, got {frames}, pages or frames: save each to a file of its own"
    if image.mode.startswith(WIDE):
        return f"must have eight bits a channel, got Pillow's mode {image.mode!r}"
    if any(map(_is_cut, image.tile)):
        return f"must have eight bits a channel, got more, which Pillow cuts to {image.mode!r}"
    return None


def _is_cut(tile):
    """Tell whether a part of an image has more bits than the mode that Pillow makes of it."""
    codec, _, _, args = tile
    if codec.startswith("ppm"):
        return any(isinstance(most, int) and most > 255 for most in args)
    return re.search(";16[BLN]", str(args)) is not None
