"""Folders of images: which files, which crops, which split, and every way to fail."""

import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from ae_optax.lab.data import DataError, check_images, image_folder

Image = pytest.importorskip("PIL.Image")

GIVEN = os.environ.get("AE_OPTAX_DATA")
BSDS500 = Path(GIVEN).expanduser().resolve() / "bsds500" if GIVEN else None


def picture(seed, shape=(12, 10, 3)):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def put(folder, names, shape=(12, 10, 3)):
    """Write an image under each name, the pixels of which its position tells."""
    for seed, name in enumerate(names):
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture(seed, shape)).save(file)
    return folder


@pytest.fixture(autouse=True)
def nothing_lies_around(tmp_path, monkeypatch):
    monkeypatch.delenv("AE_OPTAX_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def folder(tmp_path):
    return put(tmp_path / "images", [f"{i}.png" for i in range(10)])


def test_whole_images_are_split_by_share(folder):
    data = image_folder(folder, grey=False)
    assert [part.shape for part in data.splits] == [(8, 12, 10, 3), (1, 12, 10, 3), (1, 12, 10, 3)]
    wanted = sorted(bytes(picture(i) / np.float32(255)) for i in range(10))
    assert sorted(map(bytes, np.concatenate(data.splits))) == wanted
    assert (data.name, data.source) == ("image_folder", str(folder))


def test_grey_is_the_luma_of_the_colours(folder):
    data = image_folder(folder, validation=0)
    assert data.validation.shape == (0, 12, 10)
    colours = image_folder(folder, validation=0, grey=False)
    luma = colours.train @ np.float32([0.299, 0.587, 0.114])
    np.testing.assert_allclose(data.train, luma, atol=0.6 / 255)


def test_subfolders_are_the_splits(tmp_path):
    names = ["train/b.png", "train/sub/a.PNG", "val/c.png", "test/d.png", "ignored.png"]
    data = image_folder(put(tmp_path, names), grey=False)
    for split, seeds in {"train": (0, 1), "validation": (2,), "test": (3,)}.items():
        wanted = np.stack([picture(seed) for seed in seeds]) / np.float32(255)
        np.testing.assert_array_equal(getattr(data, split), wanted)


def test_what_has_no_subfolder_is_taken_from_training(tmp_path):
    names = [*(f"train/{i}.png" for i in range(10)), "test/x.png"]
    data = image_folder(put(tmp_path, names), validation=3)
    assert list(map(len, data.splits)) == [7, 3, 1]


def test_what_is_not_taken_is_counted(folder):
    before = image_folder(folder)
    assert before.passed_over == ""
    for name in ("notes.txt", "LICENSE", ".DS_Store", "._0.png", "Thumbs.db", "x.gif", "y.GIF"):
        (folder / name).write_bytes(b"x")
    put(folder, [".thumbnails/0.png", "sub/.git/a/0.png", "@eaDir/0.png", "sub/__MACOSX/0.png"])
    os.mkfifo(folder / "pipe.png")
    data = image_folder(folder)
    assert data.fingerprint == before.fingerprint
    assert data.passed_over == (
        "4 hidden, 3 of the system, 2 .gif, 1 .txt, 1 pipe or device, 1 other"
    )


def test_a_set_may_lie_in_a_hidden_folder(folder):
    hidden = folder.parent / ".cache" / "__MACOSX"
    hidden.mkdir(parents=True)
    folder.rename(hidden / "images")
    data = image_folder(hidden / "images")
    assert (sum(map(len, data.splits)), data.passed_over) == (10, "")


@pytest.mark.parametrize("target", ["images", ".", "images/sub", "images/3.png"])
def test_links_to_what_is_there_are_passed_over(folder, target):
    put(folder, ["sub/a.png"])
    before = image_folder(folder)
    (folder / "0 comes first.png").symlink_to((folder.parent / target).resolve())
    (folder / "sub" / "b.png").hardlink_to(folder / "4.png")
    data = image_folder(folder)
    assert data.fingerprint == before.fingerprint
    assert data.passed_over == "2 there before"


def test_links_to_what_lies_elsewhere_are_followed(folder, tmp_path):
    put(tmp_path / "elsewhere", ["a.png", "sub/b.png"])
    (folder / "far").symlink_to(tmp_path / "elsewhere")
    (folder / "0a.png").symlink_to(tmp_path / "elsewhere" / "sub" / "b.png")
    data = image_folder(folder)
    assert (sum(map(len, data.splits)), data.passed_over) == (
        12,
        "1 there before",
    )
    (folder / "gone.png").symlink_to(tmp_path / "nothing.png")
    with pytest.raises(DataError, match=r"gone\.png: cannot be read as an image: .*No such file"):
        image_folder(folder)


def test_test_images_that_are_links_to_training_images_are_passed_over(tmp_path):
    put(tmp_path, ["train/a.png", "train/b.png", "test/c.png"])
    (tmp_path / "test" / "d.png").symlink_to(tmp_path / "train" / "a.png")
    data = image_folder(tmp_path, validation=0)
    assert list(map(len, data.splits)) == [2, 0, 1]
    assert data.passed_over == "1 there before"


def test_subfolders_may_be_in_capitals_and_must_be_one_for_each_split(tmp_path):
    put(tmp_path, ["Train/a.png", "TEST/b.png", "Val/c.png", "d.png", "notes/e.png"])
    data = image_folder(tmp_path)
    assert list(map(len, data.splits)) == [1, 1, 1]
    assert data.passed_over == "2 beside the subfolders (d.png, notes)"
    put(tmp_path, ["training/a.png"])
    with pytest.raises(DataError) as caught:
        image_folder(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path}: must have one subfolder for train images, got Train and training."
    )


def test_subfolders_are_classes_if_all_images_lie_in_them(tmp_path):
    names = ["train/cat/a.png", "train/dog/b/c.png", "train/cat/d.png", "test/dog/e.png"]
    data = image_folder(put(tmp_path, names), validation=0, crop=4, crops_per_image=2)
    assert data.labels is not None
    assert data.labels.classes == ("cat", "dog")
    assert [part.tolist() for part in data.labels.of] == [[0, 0, 0, 0, 1, 1], [], [1, 1]]
    put(tmp_path, ["train/f.png"])
    assert image_folder(tmp_path, validation=0).labels is None
    whole = image_folder(put(tmp_path / "whole", ["cat/a.png", "cat/b.png", "dog/c.png"]), test=1)
    assert whole.labels is not None
    assert whole.labels.classes == ("cat", "dog")


def test_names_may_be_no_utf_8(folder):
    odd = os.fsencode(folder) + b"/\xe9.png"
    os.link(folder / "3.png", odd)
    (folder / "3.png").unlink()
    assert sum(map(len, image_folder(folder, crop=4, crops_per_image=2).splits)) == 20
    Path(os.fsdecode(odd)).write_bytes(b"x")
    with pytest.raises(DataError, match=r"/\\udce9\.png: cannot be read as an image"):
        image_folder(folder)
    moved = folder.parent / os.fsdecode(b"\xe9")
    folder.rename(moved)
    Path(moved, os.fsdecode(b"\xe9.png")).unlink()
    assert image_folder(moved).source == f"{folder.parent}/\\udce9"


@pytest.mark.parametrize(
    "suffix", ["png", "bmp", "tif", "ppm", "pnm", "webp", "jpg", "jfif", "jpe", "PNG"]
)
def test_formats(tmp_path, suffix):
    smooth = np.tile(np.linspace(0, 255, 16).astype(np.uint8), (16, 1))
    for i in range(3):
        Image.fromarray(smooth).convert("RGB").save(tmp_path / f"{i}.{suffix}")
    data = image_folder(tmp_path, test=1, validation=0)
    np.testing.assert_allclose(data.test[0], smooth / 255, atol=0.03)  # Two formats lose a little.


def test_modes_of_eight_bits_are_converted(tmp_path):
    image = Image.fromarray(picture(0))
    for i, mode in enumerate(["1", "L", "LA", "P", "RGBA", "CMYK"]):
        image.convert(mode).save(tmp_path / f"{i}.{'jpg' if mode == 'CMYK' else 'png'}")
    for grey in (True, False):
        data = image_folder(tmp_path, test=1, validation=1, grey=grey)
        check_images(data.train, name="modes")
        assert data.train.shape == ((4, 12, 10) if grey else (4, 12, 10, 3))


def test_an_image_is_turned_as_its_camera_was_held(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # Turn by a quarter.
    for i in range(2):
        Image.fromarray(picture(0)).save(tmp_path / f"{i}.png", exif=exif)
    data = image_folder(tmp_path, test=1, validation=0, grey=False)
    np.testing.assert_array_equal(data.test[0], np.rot90(picture(0), -1) / np.float32(255))


# Crops.


def is_crop_of(crop, image):
    windows = np.lib.stride_tricks.sliding_window_view(image, crop.shape[:2], axis=(0, 1))
    return np.any(np.all(np.moveaxis(windows, 2, -1) == crop, axis=(-3, -2, -1)))


def test_crops_are_pieces_of_their_image_and_no_image_gives_to_two_splits(folder):
    data = image_folder(folder, crop=(5, 4), crops_per_image=3, grey=False, test=2, validation=2)
    assert [part.shape for part in data.splits] == [(18, 5, 4, 3), (6, 5, 4, 3), (6, 5, 4, 3)]
    owners = []
    for part in data.splits:
        crops = np.rint(part * 255).astype(np.uint8)
        owners.append(
            [next(i for i in range(10) if is_crop_of(crop, picture(i))) for crop in crops]
        )
    assert not set(owners[0]) & set(owners[2])
    assert not set(owners[1]) & set(owners[0] + owners[2])
    assert all(o == sorted(o) for o in owners)


def test_crops_depend_on_the_seed_and_not_on_other_images(folder):
    first = image_folder(folder, crop=4, crops_per_image=2)
    assert image_folder(folder, crop=4, crops_per_image=2).fingerprint == first.fingerprint
    assert image_folder(folder, crop=4, crops_per_image=2, seed=1).fingerprint != first.fingerprint
    alone = folder.parent / "few"
    for split, name in (("train", "0.png"), ("test", "1.png")):
        (alone / split).mkdir(parents=True)
        (folder / name).rename(alone / split / name)
    before = image_folder(alone, crop=4, validation=0).train
    put(alone, ["train/zzz.png"])
    np.testing.assert_array_equal(image_folder(alone, crop=4, validation=0).train[0], before[0])


def test_crops_reach_every_corner(tmp_path):
    for i in range(2):
        Image.fromarray(np.arange(9, dtype=np.uint8).reshape(3, 3)).save(tmp_path / f"{i}.png")
    data = image_folder(tmp_path, crop=2, crops_per_image=200, test=1, validation=0)
    corners, counts = np.unique(np.rint(255 * data.train[:, 0, 0]), return_counts=True)
    assert corners.tolist() == [0, 1, 3, 4]
    assert counts.min() > 25  # Of 200 in four places.


def test_images_of_several_sizes_can_be_cropped_only(folder):
    put(folder, ["z.png"], shape=(7, 30, 3))
    assert image_folder(folder, crop=7).train.shape[1:] == (7, 7)
    with pytest.raises(DataError) as caught:
        image_folder(folder, validation=0, test=1)
    assert str(caught.value) == (
        f"{folder}/z.png: is 7×30, but {folder}/0.png is 12×10. "
        "Images of several sizes need `crop`."
    )


def test_a_crop_larger_than_an_image_names_it(folder):
    with pytest.raises(DataError, match=r"\d\.png: is 12×10, too small for a crop of 11×11\."):
        image_folder(folder, crop=11)


# What cannot be read.


def png(folder):
    return (folder / "3.png").read_bytes()


@pytest.mark.parametrize("keep", [0, 10, 60, -30])
def test_a_broken_image_is_named_in_one_line(folder, keep):
    (folder / "3.png").write_bytes(png(folder)[:keep])
    with pytest.raises(DataError) as caught:
        image_folder(folder)
    message = str(caught.value)
    assert message.startswith(f"{folder}/3.png: cannot be read as an image: ")
    assert "\n" not in message
    assert message.count("3.png") == 1


def test_a_damaged_image_is_named(folder):
    content = bytearray(png(folder))
    content[len(content) // 2] ^= 0xFF
    (folder / "3.png").write_bytes(content)
    with pytest.raises(DataError, match=r"3\.png: cannot be read as an image: "):
        image_folder(folder)


def test_text_that_is_called_an_image_is_named(folder):
    (folder / "3.png").write_text("<html>not found</html>")
    with pytest.raises(DataError, match=r"3\.png: cannot be read as an image: cannot identify"):
        image_folder(folder)


def test_images_of_sixteen_bits_are_refused(folder):
    Image.fromarray(np.full((12, 10), 40000, np.uint16)).save(folder / "3.png")
    with pytest.raises(DataError, match=r"3\.png: must have eight bits a channel, got .* 'I;16'"):
        image_folder(folder)


def png_of_16_bits(colours, kind):
    """Return a PNG file of 4×3 pixels with 16 bits in each channel, which Pillow cannot write."""

    def chunk(name, content):
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    head = struct.pack(">IIBBBBB", 4, 3, 16, kind, 0, 0, 0)
    rows = zlib.compress((b"\0" + b"\x12\x34" * colours * 4) * 3)
    parts = [(b"IHDR", head), (b"IDAT", rows), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def tiff_of_16_bits():
    """Return a TIFF file of one pixel with three channels of 16 bits."""
    tags = [(256, 1), (257, 1), (258, 122), (259, 1), (262, 2), (273, 128), (277, 3), (279, 6)]
    counts = {258: 3}
    entries = b"".join(struct.pack("<HHII", tag, 3, counts.get(tag, 1), v) for tag, v in tags)
    head = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + b"\0" * 4
    return head.ljust(122, b"\0") + struct.pack("<3H", 16, 16, 16) + b"\x12\x34" * 3


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("3.png", png_of_16_bits(3, 2)),
        ("3.png", png_of_16_bits(2, 4)),
        ("3.png", png_of_16_bits(4, 6)),
        ("3.tif", tiff_of_16_bits()),
        ("3.ppm", b"P6 1 1 65535\n" + b"\x12\x34" * 3),
        ("3.ppm", b"P3 1 1 1000\n1000 500 0\n"),
        ("3.pgm", b"P5 1 1 65535\n\x12\x34"),
    ],
    ids=["rgb png", "la png", "rgba png", "tiff", "raw ppm", "plain ppm", "pgm"],
)
def test_no_image_is_cut_to_eight_bits(folder, name, content):
    (folder / name).write_bytes(content)
    with pytest.raises(DataError, match=r"/3\.\w+: must have eight bits a channel, got "):
        image_folder(folder)


@pytest.mark.parametrize("suffix", ["tif", "png", "webp"])
def test_pages_and_frames_are_refused(folder, suffix):
    first, *rest = (Image.fromarray(picture(i)) for i in range(3))
    first.save(folder / f"3.{suffix}", save_all=True, append_images=rest)
    with pytest.raises(DataError, match=rf"3\.{suffix}: must be one image, got 3, pages or frames"):
        image_folder(folder)


def test_the_first_picture_of_a_camera_is_taken(folder):
    first, second = (Image.fromarray(picture(i)) for i in range(2))
    first.save(folder / "3.png", "MPO", save_all=True, append_images=[second])
    assert sum(map(len, image_folder(folder).splits)) == 10


@pytest.mark.parametrize(
    "content",
    [b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", b"GIF89a"],
    ids=["PostScript", "GIF"],
)
def test_no_other_format_is_opened_whatever_the_name(folder, content, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("a program was started"))
    (folder / "3.png").write_bytes(content.ljust(600, b"\n"))
    with pytest.raises(DataError, match=r"3\.png: cannot be read as an image: cannot identify"):
        image_folder(folder)


def test_an_image_that_is_a_bomb_is_refused(folder, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    with pytest.raises(DataError, match="cannot be read as an image: Image size"):
        image_folder(folder)


def test_folders_without_images(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"empty: holds no images \(\.bmp, \.jfif, "):
        image_folder("empty")
    put(tmp_path / "half", ["test/0.png"])
    with pytest.raises(DataError, match=r"half: has test images but no subfolder train\."):
        image_folder("half")
    (tmp_path / "half" / "train").mkdir()
    with pytest.raises(DataError, match=r"half/train: holds no images"):
        image_folder("half")
    with pytest.raises(DataError, match=r"nowhere was not found: looked at "):
        image_folder("nowhere")
    put(tmp_path, ["one.png"])
    with pytest.raises(DataError, match=r"one\.png: must be a folder of images\."):
        image_folder("one.png")


def test_a_folder_that_may_not_be_read_is_named(folder, monkeypatch):
    closed = folder / "sub"
    closed.mkdir()
    scan = os.scandir

    def refuse(path):
        if Path(path) == closed:
            raise PermissionError(13, "Permission denied", str(path))
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    with pytest.raises(DataError) as caught:
        image_folder(folder)
    assert str(caught.value) == f"{closed}: cannot be read: Permission denied."


def test_one_image_is_too_few(tmp_path):
    put(tmp_path / "one", ["0.png"])
    with pytest.raises(
        DataError, match=r"one: one image at least must be left for training, got 1"
    ):
        image_folder("one")
    put(tmp_path / "more", ["train/0.png", "train/1.png"])
    with pytest.raises(DataError, match="more: at least one image must be left for testing"):
        image_folder("more", test=0, validation=0)


def test_without_pillow_the_way_out_is_told(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(DataError) as caught:
        image_folder(folder)
    assert str(caught.value) == (
        'reading images needs Pillow, which is not installed: `pip install "ae_optax[data]"`.'
    )


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"crop": 0}, ValueError, "`crop` must be at least 1, got 0"),
        ({"crop": 2.5}, TypeError, "`crop` must be an integer, got 2.5"),
        ({"crop": (2, 3, 4)}, ValueError, "`crop` must be a side or height and width, got (2, 3"),
        ({"crops_per_image": 0, "crop": 2}, ValueError, "`crops_per_image` must be at least 1"),
        ({"crops_per_image": 2}, ValueError, "`crops_per_image` must be 1 without `crop`, got 2."),
        ({"seed": -1}, ValueError, "`seed` must lie in [0, "),
        ({"seed": "x"}, TypeError, "`seed` must be an integer, got 'x'"),
        ({"test": 1.0}, ValueError, "`test` must be a share in [0, 1)"),
    ],
)
def test_every_raise(folder, arguments, error, message):
    with pytest.raises(error) as caught:
        image_folder(folder, **arguments)
    assert message in str(caught.value)


@pytest.mark.skipif(
    BSDS500 is None or not BSDS500.is_dir(), reason="AE_OPTAX_DATA names no folder with bsds500/"
)
def test_the_berkeley_images(monkeypatch):
    monkeypatch.setenv("AE_OPTAX_DATA", str(GIVEN))
    data = image_folder("bsds500", crop=32, crops_per_image=2)
    assert [part.shape for part in data.splits] == [(n, 32, 32) for n in (400, 200, 400)]
    for part in data.splits:
        check_images(part, name="bsds500")
        assert 0.35 < part.mean() < 0.5
