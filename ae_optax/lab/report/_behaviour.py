"""What schedules and optimizers did under the loss, and what metrics say of the images."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from ae_optax.lab.figures import Labels, Line, line_figure
from ae_optax.lab.report._html import figures, key_to


class Quantity(NamedTuple):
    """A number that is recorded of every epoch.

    Attributes:
        key: Its name in the record.
        label: What its axis is called, with the unit.
        log: Whether it is seen on a logarithmic axis.
    """

    key: str
    label: str
    log: bool = True


BEHAVIOUR = (
    Quantity("learning_rate", "learning rate"),
    Quantity("effective_rate_mean", "effective step size, mean |u| / |g|"),
    Quantity("gradient_norm", "norm of the gradient"),
    Quantity("update_ratio", "norm of update / of parameters"),
    Quantity("clipped_fraction", "share of coordinates clipped", log=False),
)
_SPOKEN = {"psnr": "PSNR (dB)", "ssim": "SSIM", "kl": "KL divergence (nats)"}


def metrics(keys: Iterable[str]) -> list[Quantity]:
    """Return the metrics of the test images among recorded names."""
    return [
        Quantity(key, _spoken(key), log=False)
        for key in keys
        if key.startswith("test_") and not key.endswith(("_std", "test_loss"))
    ]


def _spoken(key):
    name = key.removeprefix("test_")
    return f"test {_SPOKEN.get(name, name.replace('_', ' '))}"


LinesOf = Callable[[str], Sequence[Line]]


def behaviour(lines_of: LinesOf) -> Iterator[str]:
    """Yield rates, effective steps, norms and clipping, those of them that tell something.

    Args:
        lines_of: Each contender's line of a number recorded of every epoch, by its name.
    """
    drawings, names = _drawn(lines_of, BEHAVIOUR, "b")
    if drawings:
        yield "<h2>Schedules and steps</h2>"
        yield key_to(names.items()) if names else ""
        yield from figures(
            drawings,
            "At the last step of every epoch of the runs above: the learning rate in force, where "
            "one changes; and, where telemetry was recorded, the effective step size (mean over "
            "the coordinates of update over gradient), norms over all parameters, and the share of "
            "coordinates that a clipping stage changed. The scale of the horizontal axis is that "
            "of the loss by step.",
        )


def measured(lines_of: LinesOf, keys: Iterable[str]) -> Iterator[str]:
    """Yield the metrics by step.

    Args:
        lines_of: As for :func:`behaviour`.
        keys: All numbers recorded.
    """
    drawings, names = _drawn(lines_of, metrics(keys), "m")
    if drawings:
        yield "<h2>Metrics</h2>"
        yield key_to(names.items()) if names else ""
        yield from figures(drawings, "Terms of the loss and metrics on the test images, by step.")


def _drawn(lines_of, quantities: Iterable[Quantity], prefix):
    """Return the figures, and what their lines are called, by position."""
    drawings, names = [], {}
    for number, (name, label, log) in enumerate(quantities):
        lines = lines_of(name)
        if not _telling(name, lines):
            continue
        described = f"{label[0].upper()}{label[1:]}, by step, for each contender."
        labels = Labels("steps", label, described)
        drawing = line_figure(lines, labels, name=f"{prefix}{number}", log=log)
        if drawing is not None:
            drawings.append(drawing)
            names |= {line.position: line.label for line in lines if line.label}
    return drawings, names


def _telling(name, lines):
    """Whether a rate changes, or anything is clipped; other quantities always tell something."""
    values = [line.spread.median[np.isfinite(line.spread.median)] for line in lines]
    if name == "learning_rate":
        return any(v.size and np.ptp(v) > 1e-6 * abs(v[0]) for v in values)
    return name != "clipped_fraction" or any(v.any() for v in values)
