"""The numbers of a training run."""

from dataclasses import dataclass
from typing import Literal

from ae_optax._checks import check_at_least, check_one_of, check_positive, check_seed
from ae_optax.lab.training._mesh import Mesh

NonFinite = Literal["abort", "skip", "restore"]


@dataclass(frozen=True)
class Settings:
    """How long, in what portions and from what seed to train.

    Attributes:
        epochs: Passes over the training images, at least 1.
        batch_size: Images a step, at least 1; the last batch of an epoch may be smaller.
        seed: Decides the initial parameters, the order of the images and all other chance; in
            [0, 2³¹).
        telemetry: Whether to record what the optimizer does, see :func:`~ae_optax.with_telemetry`:
            norms of gradients and updates, effective rates, the share of coordinates clipped.
        log_every: Record the loss of the batch, the rate and what ``telemetry`` measures after
            every so many steps, at least 1; ``None``: after epochs only.
        on_non_finite: What to do about a step whose loss or gradient is not finite, or after which
            a parameter is not. No such step is ever taken. ``"abort"``: end the run; ``"skip"``: go
            on with the next batch, and leave this one out of the epoch's mean loss, unless most
            of an epoch is left out, which ends the run; ``"restore"``: go back to the last
            checkpoint (the last epoch's end without a folder for them) and halve the learning
            rate, ten times at the most.
        patience: Stop once the validation loss has not fallen for so many epochs, at least 1;
            ``None``: never.
        max_minutes: Stop after the epoch in which so much time has been spent; ``None``: never.
        mesh: Over how many devices the run is spread; ``None``: one.

    Raises:
        ValueError: If a number is out of range or a word unknown.
    """

    epochs: int = 20
    batch_size: int = 128
    seed: int = 0
    telemetry: bool = False
    on_non_finite: NonFinite = "abort"
    patience: int | None = None
    max_minutes: float | None = None
    mesh: Mesh | None = None
    log_every: int | None = None

    def __post_init__(self):
        """Check the ranges."""
        check_at_least("epochs", self.epochs, 1)
        check_at_least("batch_size", self.batch_size, 1)
        check_seed("seed", self.seed)
        check_one_of("on_non_finite", self.on_non_finite, NonFinite)
        if self.log_every is not None:
            check_at_least("log_every", self.log_every, 1)
        if self.patience is not None:
            check_at_least("patience", self.patience, 1)
        if self.max_minutes is not None:
            check_positive("max_minutes", self.max_minutes)
        if self.mesh is not None and self.batch_size % self.mesh.batch:
            raise ValueError(
                "`batch_size` must be a multiple of `mesh.batch`, so that every device has as "
                f"many images as the others, got {self.batch_size} and {self.mesh.batch}."
            )
