"""One of several processes that train one run together."""

import contextlib
from collections.abc import Iterator

import jax

from ae_optax.lab.cli._exit import RunError, UsageError
from ae_optax.lab.cli._place import Place


@contextlib.contextmanager
def together(place: Place | None, heartbeat: int) -> Iterator[None]:
    """Be one of several processes while the block runs.

    Args:
        place: This process's; ``None``: alone.
        heartbeat: Seconds of silence after which a process counts as dead.

    Raises:
        UsageError: If the heartbeat is no positive number.
        RunError: If the others do not come, or one of them goes.
    """
    if place is None:
        yield
        return
    if heartbeat < 1:
        raise UsageError(f"ae-optax train: `heartbeat` must be at least 1 second, got {heartbeat}.")
    try:
        jax.distributed.initialize(
            place.coordinator,
            place.processes,
            place.process,
            cluster_detection_method="deactivate",
            heartbeat_timeout_seconds=heartbeat,
            shutdown_timeout_seconds=heartbeat,
        )
        yield
    except jax.errors.JaxRuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise RunError(
            f"process {place.process} of {place.processes}: another process has gone, or did not "
            f"come: {reason} The same command, given to each, takes the run up again."
        ) from error
