"""What a trained model is used for: ``ae-optax encode``, ``reconstruct``, ``sample`` and others."""

import argparse
import contextlib
import importlib
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ae_optax._checks import check_positive_integer
from ae_optax.lab import data, runs, trained
from ae_optax.lab.checkpoints import CheckpointError
from ae_optax.lab.cli._exit import OK, UsageError
from ae_optax.lab.cli._folder import make_folder
from ae_optax.lab.cli._machine import check_device, use_compilation_cache
from ae_optax.lab.cli._terminal import in_a_line, say
from ae_optax.lab.config import ConfigError
from ae_optax.lab.plans import load_data

N_SHOWN = 16
"""Images on a sheet of the worst reconstructions."""


def encode(arguments: argparse.Namespace) -> int:
    """Write the codes of images."""
    with _mistakes():
        run = _load(arguments)
        inputs = _inputs(arguments, run)
        codes = run.model.encode(inputs.values)
        _write_codes(arguments.out, inputs.names, codes)
    say(f"{len(codes)} codes of {codes.shape[1]} numbers: {arguments.out}")
    return OK


def reconstruct(arguments: argparse.Namespace) -> int:
    """Write what the model makes of images, the error of each, and a sheet of the worst."""
    with _mistakes():
        run = _load(arguments)
        inputs, model = _inputs(arguments, run), run.model
        made, errors = model.reconstruct(inputs.values), model.errors(inputs.values)
        folder = make_folder(arguments.out, "reconstructions")
        worst = np.argsort(-errors, kind="stable")
        rows = [(inputs.names[i], float(errors[i])) for i in worst]
        runs.write_file(folder / "errors.csv", runs.csv_text(["name", "mean_squared_error"], rows))
        arrays = {"originals": inputs.values, "reconstructions": made, "errors": errors}
        _write_arrays(folder / "reconstructions.npz", {"names": np.array(inputs.names), **arrays})
        if _are_images(model):
            shown = worst[:N_SHOWN]
            originals = data.as_values(inputs.values[shown], name="images")
            _write_sheet(folder / "worst.png", np.stack([originals, made[shown]]))
    name, error = rows[0]
    say(f"mean squared error {errors.mean():.5f}, the highest {error:.5f}: {name}")
    say(f"{len(made)} reconstructions: {folder}")
    return OK


def sample(arguments: argparse.Namespace) -> int:
    """Write what draws of the prior decode to."""
    with _mistakes():
        check_positive_integer("-n", arguments.n)
        model = _load(arguments).model
        _write_images(arguments.out, model, model.sample(arguments.n, seed=arguments.seed))
    say(f"{arguments.n} samples: {arguments.out}")
    return OK


def interpolate(arguments: argparse.Namespace) -> int:
    """Write what lies between two images."""
    with _mistakes():
        run = _load(arguments)
        values, model = _inputs(arguments, run).values, run.model
        first, last = (_at(values, place) for place in (arguments.first, arguments.last))
        _write_images(arguments.out, model, model.interpolate(first, last, arguments.steps))
    say(f"{arguments.steps} images: {arguments.out}")
    return OK


def export(arguments: argparse.Namespace) -> int:
    """Write weights or a program that other software reads."""
    with _mistakes():
        use_compilation_cache()
        run = trained.load(arguments.run, own_code=arguments.own_code)
        if arguments.out.suffix == ".safetensors":
            config = runs.read_text(run.folder / runs.CONFIG)
            about = {"format": "ae_optax", "step": str(run.step), "config": config}
            trained.write_weights(run.model, arguments.out, about=about)
        else:
            trained.write_program(run.model, arguments.out, function=arguments.function)
    say(f"step {run.step} of {arguments.run}: {arguments.out}")
    return OK


@contextlib.contextmanager
def _mistakes() -> Iterator[None]:
    """Make what the user can mend a ``UsageError``."""
    try:
        yield
    except OSError as error:
        raise UsageError(runs.in_words(error)) from error
    except ConfigError as error:
        raise UsageError(str(error)) from error
    except (CheckpointError, ModuleNotFoundError, ValueError) as error:
        raise UsageError(in_a_line(str(error))) from error


def _load(arguments) -> trained.TrainedRun:
    use_compilation_cache()
    check_device()
    return trained.load(arguments.run, own_code=arguments.own_code)


def _inputs(arguments, run: trained.TrainedRun) -> data.Inputs:
    """Return what to look at: all of a file or folder, or a split of a data set.

    An array of images is read as the config says of that trained on: what is black, and what white.
    """
    source = arguments.input
    path = Path(source).expanduser()
    if path.is_dir() or (path.exists() and path.suffix not in (".yaml", ".yml")):
        if arguments.overrides:
            raise ValueError(
                f"--set must be left out beside a file or folder, {path}: it changes a config. "
                "Give one whose section `data` names it."
            )
        assert run.config is not None
        said = run.config.data.arguments
        pixels = {name: said[name] for name in ("black", "white") if name in said}
        return data.read_inputs(path, grey=len(run.model.shape) == 2, **pixels)
    made = load_data(source, arguments.overrides).build()
    values = getattr(made, arguments.split)
    if values.ndim == 2:
        values = made.scaling.invert(values)  # The model scales what it is given.
    return data.Inputs([f"{made.name}.{arguments.split}[{i}]" for i in range(len(values))], values)


def _at(values, place):
    if not -len(values) <= place < len(values):
        raise ValueError(f"there is no image {place}: there are {len(values)}, from 0.")
    return values[place]


def _are_images(model):
    return len(model.shape) > 1


def _write_codes(path: Path, names: Sequence[str], codes: np.ndarray) -> None:
    """Write codes as a file of the kind that its name tells."""
    columns = {f"code_{i}": column for i, column in enumerate(codes.T)}
    if path.suffix == ".npz":
        _write_arrays(path, {"names": np.array(names), "codes": codes})
    elif path.suffix == ".csv":
        rows = [(name, *code) for name, code in zip(names, codes.tolist(), strict=True)]
        runs.write_file(path, runs.csv_text(["name", *columns], rows))
    elif path.suffix == ".parquet":
        try:
            arrow: Any = importlib.import_module("pyarrow")
            parquet: Any = importlib.import_module("pyarrow.parquet")
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "pyarrow is not installed: install the extra, `pip install 'ae_optax[export]'`."
            ) from error
        content = io.BytesIO()
        parquet.write_table(arrow.table({"name": list(names), **columns}), content)
        runs.write_file(path, content.getvalue())
    else:
        raise ValueError(f"--out must end in .npz, .csv or .parquet, got {path}.")


def _write_images(path: Path, model: trained.TrainedModel, images: np.ndarray) -> None:
    if path.suffix == ".npz":
        _write_arrays(path, {"images": images})
    elif path.suffix == ".png" and _are_images(model):
        _write_sheet(path, images[None])
    else:
        raise ValueError(f"--out must end in .npz, or for images in .png, got {path}.")


def _write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    content: Any = io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    np.savez_compressed(content, **named)
    runs.write_file(path, content.getvalue())


def _write_sheet(path: Path, rows: np.ndarray) -> None:
    """Write images, shape (rows, columns, height, width, ...), as one PNG with a line between."""
    from matplotlib import image

    margins = [(0, 0), (0, 0), (1, 1), (1, 1), *[(0, 0)] * (rows.ndim - 4)]
    framed = np.pad(rows, margins, constant_values=1.0)
    sheet = np.concatenate([np.concatenate(list(row), axis=1) for row in framed], axis=0)
    sheet = sheet[..., 0] if sheet.ndim == 3 and sheet.shape[2] == 1 else sheet
    content = io.BytesIO()
    image.imsave(content, np.clip(sheet, 0, 1), cmap="gray", vmin=0, vmax=1, format="png")
    runs.write_file(path, content.getvalue())
