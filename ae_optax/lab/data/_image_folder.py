"""A folder of images, whole or in crops."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ae_optax._checks import check_positive_integer
from ae_optax.lab.data._dataset import DataError, Dataset, make_dataset, to_unit_interval
from ae_optax.lab.data._image_files import image_files, read_pixels
from ae_optax.lab.data._places import find_path
from ae_optax.lab.data._random import random_bits
from ae_optax.lab.data._split import split_positions

SUBFOLDERS = {
    "train": ("train", "training"),
    "validation": ("validation", "val", "valid"),
    "test": ("test", "testing"),
}


def image_folder(
    path: str | Path,
    *,
    crop: int | Sequence[int] | None = None,
    crops_per_image: int = 1,
    grey: bool = True,
    validation: int | float = 0.1,
    test: int | float = 0.1,
    seed: int = 0,
    attribution: str = "",
) -> Dataset:
    """Load the images of a folder, whole or in random crops.

    PNG, JPEG, WebP, TIFF, BMP and PNM files of eight bits a channel, in the folder and below it,
    are taken in the order of their paths. If there is a subfolder ``train`` (or ``training``), the
    images in it are for training, those in ``validation`` (``val``, ``valid``) for validation and
    those in ``test`` (``testing``) to test on. What has no subfolder is taken from the training
    images, whole files in random order, so that no file gives crops to two splits.

    Where an image is cropped depends on ``seed``, its name and its size only, not on what else is
    in the folder. All crops are made once, when the set is loaded: four bytes for each pixel and
    channel stay in memory.

    Args:
        path: The folder. A relative one is looked for below the working folder and then below the
            folder that the variable ``AE_OPTAX_DATA`` names and the other places of :func:`mnist`.
        crop: Side of square crops, or height and width, in pixels; ``None`` for whole images, which
            must then be of one size.
        crops_per_image: How many of each image, at least 1; they may overlap.
        grey: One channel, luma by ITU-R 601 as Pillow computes it; else three: red, green and
            blue. Transparency is ignored.
        validation: How many files for validation, if they have no subfolder: an integer, or a
            share in [0, 1).
        test: How many to test on, likewise.
        seed: Of crops and splits, at least 0.
        attribution: Authors, title, year and licence, to be shown with results.

    Returns:
        The data set: images (n, height, width) if ``grey``, else (n, height, width, 3), bytes
        divided by 255.

    Raises:
        TypeError: If ``crop``, ``crops_per_image`` or ``seed`` is not of integers, or
            ``validation`` or ``test`` is no number.
        ValueError: If one of them is out of range, or ``crops_per_image`` is not 1 although there
            is no ``crop``.
        DataError: If there is no such folder or no image in it, if one cannot be read or is too
            small, if whole images differ in size, if none is left for training or testing, or if
            Pillow is not installed.
    """
    size = _check_crop(crop, crops_per_image)
    folder = find_path(path)
    files = _split(folder, validation=validation, test=test, seed=seed)
    shape = None
    images = {}
    for split, part in files.items():
        pieces: list[np.ndarray] = []
        for file in part:
            pixels = read_pixels(file, grey=grey)
            if size is None:
                shape = shape or (file, pixels.shape)
                _check_same(file, pixels.shape, *shape)
                pieces.append(pixels)
            else:
                name = file.relative_to(folder).as_posix()
                pieces += _crops(pixels, size, crops_per_image, seed, file, name)
        images[split] = pieces
    some = images["train"][0]
    splits = [
        to_unit_interval(np.stack(images[split]), white=255)
        if images[split]
        else np.zeros((0, *some.shape), np.float32)
        for split in SUBFOLDERS
    ]
    return make_dataset("image_folder", splits, source=folder, attribution=attribution)


def _check_crop(crop: Any, crops_per_image: int) -> tuple[int, int] | None:
    """Return height and width of the crops."""
    check_positive_integer("crops_per_image", crops_per_image)
    if crop is None:
        if crops_per_image != 1:
            raise ValueError(
                f"`crops_per_image` must be 1 without `crop`, got {crops_per_image!r}."
            )
        return None
    sides = tuple(crop) if isinstance(crop, Sequence) else (crop, crop)
    if len(sides) != 2:
        raise ValueError(f"`crop` must be a side or height and width, got {crop!r}.")
    for side in sides:
        check_positive_integer("crop", side)
    return sides[0], sides[1]


def _split(folder, *, validation, test, seed) -> dict[str, list[Path]]:
    """Return the files of each split."""
    places = {
        split: next((folder / name for name in names if (folder / name).is_dir()), None)
        for split, names in SUBFOLDERS.items()
    }
    held = {split: image_files(place) for split, place in places.items() if place is not None}
    if held and "train" not in held:
        raise DataError(f"{folder}: has {', '.join(held)} images but no subfolder train.")
    if not held:
        held = {"train": image_files(folder)}
    amounts = {"validation": validation, "test": test}
    taken = {split: 0 if split in held else amount for split, amount in amounts.items()}
    whole = held["train"]
    positions = split_positions(len(whole), seed=seed, where=str(folder), **taken)
    cut = {
        split: [whole[i] for i in sorted(part)]
        for split, part in zip(SUBFOLDERS, positions, strict=True)
    }
    files = cut | {split: held[split] for split in held if split != "train"}
    if not files["test"]:
        raise DataError(f"{folder}: at least one image must be left for testing, got none.")
    return files


def _check_same(file, shape, first, wanted):
    if shape != wanted:
        raise DataError(
            f"{file}: is {shape[0]}×{shape[1]}, but {first} is {wanted[0]}×{wanted[1]}. "
            "Images of several sizes need `crop`."
        )


def _crops(pixels, size, count, seed, file, name):
    room = [have - want for have, want in zip(pixels.shape, size, strict=False)]
    if min(room) < 0:
        found, wanted = ("×".join(map(str, pair)) for pair in (pixels.shape[:2], size))
        raise DataError(f"{file}: is {found}, too small for a crop of {wanted}.")
    bits = random_bits(seed, f"crop/{name}", 2 * count).reshape(count, 2)
    corners = bits % np.asarray([space + 1 for space in room], np.uint64)
    # Copies: a view would keep the whole image in memory.
    return [pixels[y : y + size[0], x : x + size[1]].copy() for y, x in corners.tolist()]
