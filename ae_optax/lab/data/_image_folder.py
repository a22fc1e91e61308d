"""A folder of images, whole or in crops."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ae_optax._checks import check_positive_integer
from ae_optax.lab.data._dataset import Dataset, make_dataset
from ae_optax.lab.data._errors import DataError
from ae_optax.lab.data._image_files import SUFFIXES, read_pixels
from ae_optax.lab.data._labels import Labels, label_splits
from ae_optax.lab.data._places import find_path
from ae_optax.lab.data._random import random_bits
from ae_optax.lab.data._scaling import of_pixels
from ae_optax.lab.data._split import split_positions
from ae_optax.lab.data._walk import Walk, children

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

    PNG, JPEG, WebP, TIFF, BMP and PNM files of one image and eight bits a channel, in the folder
    and below it, are taken in the order of their paths, each once. Files of other kinds, hidden
    ones and those of the system are passed over, and so are links to what was there before;
    ``passed_over`` of the data set counts them.

    If there is a subfolder ``train`` (or ``training``, in capitals or not), the images in it are
    for training, those in ``validation`` (``val``, ``valid``) for validation and those in ``test``
    (``testing``) to test on, and what lies beside these is passed over. What has no subfolder is
    taken from the training images, whole files in random order, so that no file gives crops to two
    splits. If all images of the set lie in subfolders of these, or of the folder, these are the
    classes, and their names the labels.

    Where an image is cropped depends on ``seed``, its name and its size only, not on what else is
    in the folder. All crops are made once, when the set is loaded: a byte for each pixel and
    channel stays in memory.

    Args:
        path: The folder. A relative one is looked for below the working folder and then below the
            folder that the variable ``AE_OPTAX_DATA`` names and the other places of :func:`mnist`.
        crop: Side of square crops, or height and width, in pixels; ``None`` for whole images, which
            must then be of one size.
        crops_per_image: How many of each image, at least 1; they may overlap.
        grey: One channel, luma by ITU-R 601 as Pillow computes it; else three: red, green and
            blue. Transparency and colour profiles are ignored.
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
        DataError: If there is no such folder or no image in it, if one cannot be read, holds
            several or is too small, if whole images differ in size, if two subfolders are for one
            split, if none is left for training or testing, or if Pillow is not installed.
    """
    size = _check_crop(crop, crops_per_image)
    folder = find_path(path)
    files, roots, passed_over = split_folder(folder, validation=validation, test=test, seed=seed)
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
        np.stack(images[split]) if images[split] else np.zeros((0, *some.shape), np.uint8)
        for split in SUBFOLDERS
    ]
    return make_dataset(
        "image_folder",
        splits,
        source=folder,
        scaling=of_pixels(0, 255),
        labels=folder_labels(files, roots, crops_per_image, str(folder)),
        attribution=attribution,
        passed_over=passed_over,
    )


def folder_labels(
    files: Mapping[str, Sequence[Path]], roots: Mapping[str, Path], each: int, where: str
) -> Labels | None:
    """Return the subfolders that images lie in as their labels, unless some lie in none."""
    below = {k: [file.relative_to(roots[k]).parts for file in part] for k, part in files.items()}
    if any(len(parts) == 1 for part in below.values() for parts in part):
        return None
    labels = {k: np.repeat([parts[0] for parts in part], each) for k, part in below.items() if part}
    found = label_splits(labels, {k: each * len(files[k]) for k in SUBFOLDERS}, where=where)
    return found if found and len(found.classes) > 1 else None


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


def split_folder(
    folder: Path, *, validation: Any, test: Any, seed: int
) -> tuple[dict[str, list[Path]], dict[str, Path], str]:
    """Return the files of each split, the folder they are below, and what was passed over."""
    if not folder.is_dir():
        raise DataError(f"{folder}: must be a folder of images.")
    walk = Walk(SUFFIXES)
    places = _subfolders(folder)
    # Training first: what links to its images is passed over elsewhere.
    held = {split: walk.files(place) for split, place in places.items()}
    if held and "train" not in held:
        raise DataError(f"{folder}: has {', '.join(held)} images but no subfolder train.")
    if not held:
        places, held = {"train": folder}, {"train": walk.files(folder)}
    for split, place in places.items():
        if not held[split]:
            passed = walk.passed_over()
            instead = f", only what is passed over: {passed}" if passed else ""
            raise DataError(f"{place}: holds no images ({', '.join(SUFFIXES)}){instead}.")
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
    beside = [] if places["train"] == folder else _beside(folder, places)
    roots = {split: places.get(split, places["train"]) for split in files}
    return files, roots, ", ".join(filter(None, [walk.passed_over(), *beside]))


def _subfolders(folder) -> dict[str, Path]:
    """Return the subfolders that are for one split each, by split."""
    found = {}
    for split, names in SUBFOLDERS.items():
        own = [p for p in children(folder) if p.name.lower() in names and p.is_dir()]
        if len(own) > 1:
            both = " and ".join(p.name for p in own)
            raise DataError(f"{folder}: must have one subfolder for {split} images, got {both}.")
        found |= dict.fromkeys([split], own[0]) if own else {}
    return found


def _beside(folder, places):
    """Yield what lies beside the subfolders of the splits, in words."""
    names = [p.name for p in children(folder) if p not in places.values()]
    if names:
        shown = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
        yield f"{len(names)} beside the subfolders ({shown})"


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
