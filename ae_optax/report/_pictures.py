"""Images as PNG files inside the page."""

import base64
import struct
import zlib
from collections.abc import Mapping
from html import escape

import numpy as np

from ae_optax.report._format import number
from ae_optax.report._record import Record, with_result


def png(image: np.ndarray) -> bytes:
    """Return an image, values in [0, 1], as an 8-bit grey PNG file.

    Args:
        image: Shape (height, width). Values outside [0, 1] are clipped; what is not finite is 0.

    Returns:
        The file's content.
    """
    pixels = np.clip(np.nan_to_num(image, nan=0.0, posinf=1.0, neginf=0.0), 0, 1)
    pixels = np.round(255 * pixels).astype(np.uint8)
    height, width = pixels.shape
    # Each line starts with the number of its filter: none.
    lines = np.concatenate([np.zeros((height, 1), np.uint8), pixels], axis=1)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(lines.tobytes(), 9)),
            _chunk(b"IEND", b""),
        )
    )


def image_grid(record: Record, images: Mapping[str, np.ndarray]) -> str:
    """Return originals and reconstructions as an HTML grid, a row each.

    Args:
        record: A comparison.
        images: ``originals`` and ``reconstructions_<position>``, each of shape
            (k, height, width).
    """
    originals = images["originals"]
    rows = [_row("Original", "", originals)]
    for position, contender in with_result(record):
        outputs = images.get(f"reconstructions_{position}")
        if outputs is not None:
            loss = number(contender["best"]["final_test"]["median"])
            rows.append(_row(contender["label"], loss, outputs))
    return (
        f'<div class="scroll"><div class="images" style="--n: {len(originals)}">\n'
        + "\n".join(rows)
        + "\n</div></div>"
    )


def _row(label, loss, images):
    name = f'<div class="who">{escape(label)}<small>{loss}</small></div>'
    return name + "".join(
        f'<img alt="{escape(label)}, image {i}" src="{_data_uri(image)}">'
        for i, image in enumerate(images, start=1)
    )


def _data_uri(image):
    return f"data:image/png;base64,{base64.b64encode(png(image)).decode()}"


def _chunk(kind, content):
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
