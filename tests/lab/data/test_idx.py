"""The idx reader, and every way in which such a file can be broken."""

import gzip
import struct

import numpy as np
import pytest

from ae_optax.lab.data import DataError, _idx
from ae_optax.lab.data._idx import header, read_images

IMAGES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
CONTENT = header(IMAGES) + IMAGES.tobytes()


def write(folder, content, name="images"):
    file = folder / name
    file.write_bytes(gzip.compress(content) if file.suffix == ".gz" else content)
    return file


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_reads_what_was_written(tmp_path, name):
    images = read_images(write(tmp_path, CONTENT, name))
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, IMAGES)


def test_header_is_the_published_one():
    # Row by row from the table on the MNIST page.
    published = "00000803 0000ea60 0000001c 0000001c"
    assert header(np.empty((60000, 28, 28), np.uint8)) == bytes.fromhex(published)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "is empty."),
        (CONTENT[:10], "is truncated: 10 bytes, a header has 16."),
        (CONTENT[:16], "is truncated: 2 images of 3×4 are 24 bytes, got 0."),
        (CONTENT[:-1], "is truncated: 2 images of 3×4 are 24 bytes, got 23."),
        (CONTENT + b"\n", "has trailing bytes: 2 images of 3×4 are 24 bytes, got 25."),
        (struct.pack(">4I", 0x803, 0, 3, 4), "holds no images: 0 of 3×4."),
        (struct.pack(">4I", 0x803, 2, 0, 4), "holds no images: 2 of 0×4."),
        (
            struct.pack(">2I", 0x801, 24) + bytes(24),
            "wrong magic number 0x00000801, images have 0x00000803.",
        ),
        (
            struct.pack(">4I", 0xD03, 2, 3, 4) + bytes(96),
            "wrong magic number 0x00000d03, images have 0x00000803.",
        ),
        (
            CONTENT[3::-1] + CONTENT[4:],
            "wrong magic number 0x03080000, images have 0x00000803.",
        ),
        (
            struct.pack(">4I", 0x803, *[2**16] * 3),
            f"is truncated: 65536 images of 65536×65536 are {2**48} bytes, got 0.",
        ),
    ],
    ids=[
        "empty",
        "half a header",
        "header alone",
        "one byte short",
        "one byte more",
        "no images",
        "no rows",
        "labels",
        "floats",
        "little-endian",
        "absurd size",
    ],
)
@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_names_the_file_and_what_is_wrong_with_it(tmp_path, name, content, reason):
    file = write(tmp_path, content, name)
    with pytest.raises(DataError) as caught:
        read_images(file)
    assert str(caught.value) == f"{file}: {reason}"


def broken_at(content, position):
    return content[:position] + bytes([content[position] ^ 0xFF]) + content[position + 1 :]


ARCHIVE = gzip.compress(CONTENT, mtime=0)


@pytest.mark.parametrize(
    "content",
    [
        ARCHIVE[: len(ARCHIVE) // 2],
        ARCHIVE[:-1],
        ARCHIVE[:3],
        broken_at(ARCHIVE, 0),
        broken_at(ARCHIVE, 12),
        broken_at(ARCHIVE, len(ARCHIVE) - 6),
        ARCHIVE + b"more",
        CONTENT,
    ],
    ids=["half", "short", "header", "magic", "data", "crc", "trailing", "uncompressed"],
)
def test_reports_a_broken_gzip_file_in_one_line(tmp_path, content):
    file = tmp_path / "images.gz"
    file.write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_images(file)
    message = str(caught.value)
    assert message.startswith(f"{file}: is no intact gzip file: ")
    assert "\n" not in message


def test_reports_an_empty_compressed_file_as_empty(tmp_path):
    file = tmp_path / "images.gz"
    file.touch()
    with pytest.raises(DataError, match=r"images\.gz: is empty\."):
        read_images(file)


def test_reports_a_missing_file(tmp_path):
    with pytest.raises(DataError, match=r"nowhere: is missing\."):
        read_images(tmp_path / "nowhere")


def test_a_folder_in_place_of_a_file_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"must be a file, got a folder, pipe or device\."):
        read_images(tmp_path)


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_no_more_is_read_than_there_can_be(tmp_path, monkeypatch, name):
    file = write(tmp_path, CONTENT + bytes(100000), name)
    monkeypatch.setattr(_idx, "LARGEST", 50)
    with pytest.raises(DataError) as caught:
        read_images(file)
    assert str(caught.value) == f"{file}: is longer than the 50 bytes of the largest known set."
