"""Images as PNG files inside the page."""

import base64
import struct
import zlib

import numpy as np

_DARK, _WHITE, _BRIGHT = (
    np.array(colour, np.float64) / 255 for colour in ((0, 84, 166), (250, 250, 250), (213, 94, 0))
)


LARGEST = 160
"""Pixels a side: twice what the page gives an image."""


def png(image: np.ndarray) -> bytes:
    """Return an image, values in [0, 1], as an 8-bit PNG file.

    Args:
        image: Shape (height, width) or (height, width, channels): grey of one channel, colours of
            three, and else the mean. Values outside [0, 1] are clipped; what is not finite is 0.

    Returns:
        The file's content.
    """
    pixels = np.clip(np.nan_to_num(image, nan=0.0, posinf=1.0, neginf=0.0), 0, 1)
    if pixels.ndim == 3 and pixels.shape[2] != 3:
        pixels = pixels.mean(axis=2)
    pixels = np.round(255 * pixels).astype(np.uint8)
    height, width = pixels.shape[:2]
    # Each line starts with the number of its filter: none.
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels.reshape(height, -1)], axis=1)
    colours = 2 if pixels.ndim == 3 else 0
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, colours, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )


def error_map(original: np.ndarray, output: np.ndarray, scale: float) -> np.ndarray:
    """Return where an output is too dark, in blue, and too bright, in orange.

    Args:
        original: Shape (height, width) or (height, width, channels).
        output: Likewise; what is not finite is as wrong as can be.
        scale: The error that has the full colour; positive.

    Returns:
        Shape (height, width, 3), in [0, 1]; white is no error. Channels are averaged.
    """
    error = np.nan_to_num(output - original, nan=scale, posinf=scale, neginf=-scale)
    if error.ndim == 3:
        error = error.mean(axis=2)
    share = np.clip(error / scale, -1, 1)[..., None]
    return _WHITE + np.where(share < 0, -share * (_DARK - _WHITE), share * (_BRIGHT - _WHITE))


def data_uri(image: np.ndarray) -> str:
    """Return an image as the address of itself, made smaller if it has more than it is shown of."""
    return f"data:image/png;base64,{base64.b64encode(png(_shrunk(image))).decode()}"


def _shrunk(image):
    """Means over squares, at most :data:`LARGEST` a side."""
    side = -(-max(image.shape[:2]) // LARGEST)
    if side == 1:
        return image
    height, width = (max(1, n // side) for n in image.shape[:2])
    tall, wide = min(side, image.shape[0]), min(side, image.shape[1])
    squares = image[: height * tall, : width * wide]
    squares = squares.reshape(height, tall, width, wide, *image.shape[2:])
    return squares.mean(axis=(1, 3))


def _chunk(kind, content):
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
