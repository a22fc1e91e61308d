"""How do I bring an autoencoder from PyTorch?

Usage: python experiments/coming_from_pytorch/run.py [--quick | --redraw]
"""

import copy
import re
import statistics
import subprocess
import sys
from pathlib import Path

import ae_optax_autoencoder
import jax
import jax.numpy as jnp
import numpy as np

from ae_optax import compat
from ae_optax.lab import data, losses, models, study, training
from ae_optax.lab.figures import line_style, log_axes, make_panels, number

try:
    import pytorch_autoencoder
    import torch
except ModuleNotFoundError as error:
    raise SystemExit(f"{error.name} is missing. Install it: pip install '.[parity]'") from error

HERE = Path(__file__).parent
PROGRAMS = ("pytorch_autoencoder.py", "ae_optax_autoencoder.py")
DTYPES = ("float64", "float32")
SETUP = {
    "data": "mnist",
    "learning_rate": 1e-3,
    "batch_size": 128,
    "steps": 200,
    "taken_over_at": 100,
    "epochs": 4,
    "rounds": 3,
}
QUICK = {"data": "digits", "steps": 20, "taken_over_at": 10, "epochs": 2, "rounds": 1}


def measure(quick):
    jax.config.update("jax_enable_x64", True)
    setup = SETUP | (QUICK if quick else {}) | {"torch": torch.__version__}
    same = {dtype: side_by_side(setup, dtype) for dtype in DTYPES}
    return study.Measured(setup, {"same": same, "speed": speed(setup)}, [0])


def side_by_side(setup, dtype):
    """Train both on the same batches from the same weights; ours a second time from the middle."""
    images = getattr(data, setup["data"])().train.astype(dtype)
    rng, size = np.random.default_rng(0), setup["batch_size"]
    batches = [rng.choice(images, size, replace=False) for _ in range(setup["steps"])]
    middle = setup["taken_over_at"]

    torch.manual_seed(0)
    module = pytorch_autoencoder.Autoencoder(images[0].size).to(getattr(torch, dtype))
    theirs_optimizer = torch.optim.Adam(module.parameters(), lr=setup["learning_rate"])
    start = weights_of(module)
    theirs = train_theirs(module, theirs_optimizer, batches[:middle])
    taken_over = weights_of(module), copy.deepcopy(theirs_optimizer.state_dict())
    theirs += train_theirs(module, theirs_optimizer, batches[middle:])

    optimizer = compat.torch.adam(lr=setup["learning_rate"])
    ours = train_ours(optimizer, start, optimizer.init(start), batches)
    params, state_dict = taken_over
    opt_state = compat.torch.import_state(state_dict, params, names=NAMES, convert=turned)
    later = train_ours(optimizer, params, opt_state, batches[middle:])
    return {
        "losses": {"theirs": digits(theirs), "ours": digits(ours)},
        "largest_difference": apart(ours, theirs),
        "largest_difference_after_taking_over": apart(later, theirs[middle:]),
    }


NAMES = [f"fc{layer}/{name}" for layer in range(1, 7) for name in ("kernel", "bias")]


def weights_of(module):
    """Return PyTorch's weights as the parameters of the model here."""
    return {
        f"fc{layer}": {
            "kernel": jnp.array(getattr(module, f"fc{layer}").weight.detach().numpy().T),
            "bias": jnp.array(getattr(module, f"fc{layer}").bias.detach().numpy()),
        }
        for layer in range(1, 7)
    }


def turned(path, array):
    """Turn what belongs to a matrix: PyTorch's map from the last axis to the first."""
    return array.T if path.endswith("kernel") else array


def train_theirs(module, optimizer, batches):
    found = []
    for batch in batches:
        x = torch.from_numpy(batch).flatten(1)
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(module(x), x)
        loss.backward()
        optimizer.step()
        found.append(loss.item())
    return found


def train_ours(optimizer, params, opt_state, batches):
    model = models.from_nnx(ae_optax_autoencoder.Autoencoder)
    step = jax.jit(training.make_step(training.Task(model, losses.mse()), optimizer))
    state = training.init_state(model, optimizer, batches[0], 0)
    state = state._replace(params=params, opt_state=opt_state)
    found = []
    for batch in batches:
        state, loss = step(state, batch)
        found.append(float(loss))
    return found


def apart(ours, theirs):
    return max(abs(a - b) / abs(b) for a, b in zip(ours, theirs, strict=True))


def digits(values):
    return [float(f"{value:.6g}") for value in values]


def speed(setup):
    """Run both programs as a user would, in turn; their seconds an epoch, the first left out."""
    rounds = [
        {program: epochs_of(program, setup) for program in PROGRAMS} for _ in range(setup["rounds"])
    ]
    ratios = [found[PROGRAMS[0]]["seconds"] / found[PROGRAMS[1]]["seconds"] for found in rounds]
    return {
        "rounds": rounds,
        "seconds_theirs": statistics.median(found[PROGRAMS[0]]["seconds"] for found in rounds),
        "seconds_ours": statistics.median(found[PROGRAMS[1]]["seconds"] for found in rounds),
        "ratio": {
            "median": statistics.median(ratios),
            "lowest": min(ratios),
            "highest": max(ratios),
        },
    }


def epochs_of(program, setup):
    words = [sys.executable, program, setup["data"], str(setup["epochs"])]
    done = subprocess.run(words, cwd=HERE, capture_output=True, text=True, check=True)
    rows = re.findall(r"loss ([\d.]+), ([\d.]+) s", done.stdout)
    return {
        "loss": float(rows[-1][0]),
        "seconds": statistics.median(float(seconds) for _, seconds in rows[1:]),
    }


def pictures(found):
    panels = make_panels(
        DTYPES, columns=2, size=(260, 170), x="step", y="loss of the batch",
        key=[(0, "PyTorch"), (1, "ae_optax")],
    )  # fmt: skip
    for axes, dtype in zip(panels.axes, DTYPES, strict=True):
        for position, whose in enumerate(("theirs", "ours")):
            style = line_style(position) | {"marker": "", "linewidth": 3 - 2 * position}
            axes.plot(found.numbers["same"][dtype]["losses"][whose], **style)
        log_axes(axes, "y")
    described = "The losses of the two programs on the same batches: one line lies on the other."
    return {"losses": study.Picture(panels.figure, described)}


def tables(found):
    same, speed = found.numbers["same"], found.numbers["speed"]
    rows = [
        [
            dtype,
            number(same[dtype]["largest_difference"]),
            number(same[dtype]["largest_difference_after_taking_over"]),
        ]
        for dtype in DTYPES
    ]
    ratio = speed["ratio"]
    times = [
        ["PyTorch", number(speed["seconds_theirs"]), ""],
        [
            "ae_optax",
            number(speed["seconds_ours"]),
            f"{ratio['median']:.2f} ({ratio['lowest']:.2f}–{ratio['highest']:.2f})",
        ],
    ]
    return {
        "same": study.table(["", "from the start", "taken over in the middle"], rows),
        "speed": study.table(["", "seconds an epoch", "times faster"], times),
        "programs": "\n\n".join(f"```python\n{(HERE / name).read_text()}```" for name in PROGRAMS),
    }


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
