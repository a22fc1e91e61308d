"""What the numbers recorded of every epoch are called in figures, and in what unit."""

from collections.abc import Iterable
from typing import NamedTuple


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
