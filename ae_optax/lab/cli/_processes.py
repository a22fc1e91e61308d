"""One of several processes that train one run together: its place, and that they agree."""

import argparse
import contextlib
import json
import os
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jax

from ae_optax.lab._processes import from_first, largest
from ae_optax.lab.cli._exit import RunError, UsageError
from ae_optax.lab.cli._folder import differences
from ae_optax.lab.cli._machine import is_out_of_memory

VARIABLES = {
    "coordinator": "JAX_COORDINATOR_ADDRESS",
    "processes": "JAX_NUM_PROCESSES",
    "process": "JAX_PROCESS_ID",
}


def add_processes(parser: argparse.ArgumentParser) -> None:
    """Add the flags that say it, and how soon another process counts as dead."""
    group = parser.add_argument_group(
        "several processes",
        "Each is started with the same command but its own number; only the first one writes. "
        f"Instead of the flags: {', '.join(VARIABLES.values())}.",
    )
    group.add_argument("--coordinator", metavar="HOST:PORT", help="where the first one listens")
    group.add_argument("--processes", type=int, metavar="N", help="how many there are")
    group.add_argument("--process", type=int, metavar="I", help="which this one is, from 0")
    group.add_argument(
        "--heartbeat",
        type=int,
        default=30,
        metavar="SECONDS",
        help="a process that is silent so long is dead, and the others end (default: 30)",
    )


@dataclass(frozen=True)
class Place:
    """Where a process stands among those that train together.

    Attributes:
        coordinator: Address and port of the first process.
        processes: How many there are.
        process: Which this one is, from 0.
    """

    coordinator: str
    processes: int
    process: int


def find_place(coordinator: str | None, processes: int | None, process: int | None) -> Place | None:
    """Return this process's place, from flags or else from the environment; ``None``: alone.

    Raises:
        UsageError: If only a part of it is said, or it is no place.
    """
    flags = {"coordinator": coordinator, "processes": processes, "process": process}
    given = {name: os.environ.get(VARIABLES[name]) if x is None else x for name, x in flags.items()}
    missing = [name for name, value in given.items() if value is None]
    if len(missing) == len(given):
        return None
    if missing:
        ways = " and ".join(f"--{name} or {VARIABLES[name]}" for name in missing)
        raise UsageError(f"ae-optax train: of several processes, each also needs {ways}.")
    try:
        place = Place(
            str(given["coordinator"]), int(given["processes"] or 0), int(given["process"] or 0)
        )
    except ValueError as error:
        raise UsageError(f"ae-optax train: processes are counted: {error}.") from error
    if not 0 <= place.process < place.processes:
        raise UsageError(
            f"ae-optax train: `process` must lie in [0, {place.processes}), got {place.process}."
        )
    if ":" not in place.coordinator:
        raise UsageError(
            f"ae-optax train: `coordinator` must be HOST:PORT, got {place.coordinator!r}."
        )
    return place


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
            coordinator_bind_address=_bind_address(place.coordinator),
            heartbeat_timeout_seconds=heartbeat,
            shutdown_timeout_seconds=heartbeat,
        )
        yield
    except jax.errors.JaxRuntimeError as error:
        if is_out_of_memory(error):
            raise
        reason = str(error).partition("\n")[0]
        raise RunError(
            f"process {place.process} of {place.processes}: another process has gone, or did not "
            f"come: {reason} The same command, given to each, takes the run up again."
        ) from error


def agree(mine: Mapping[str, Any] | None) -> None:
    """Let all processes end if they have not been given the same run.

    Args:
        mine: All that must be alike, in plain values; ``None``: this process has found a mistake,
            and ends of itself.

    Raises:
        UsageError: If this process differs from the first, with what differs, or another one ends.
    """
    first = from_first(mine)
    told = None if mine is None else json.loads(json.dumps(mine))  # As the first one's came.
    different = differences(first, told) if first and told else ""
    someone = largest(float(mine is None or different != ""))
    here = f"process {jax.process_index()} of {jax.process_count()}"
    if different:
        raise UsageError(f"{here} was given another run than the first: {different}.")
    if someone and mine is not None:
        raise UsageError(f"{here}: another one has a mistake, or another run: see there.")


def _bind_address(coordinator):
    """Return where to listen: at the address named, or at all if it is not one of this machine."""
    host, _, port = coordinator.rpartition(":")
    try:
        family, *_, address = socket.getaddrinfo(host.strip("[]"), 0, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.bind(address)
    except OSError:
        return f"[::]:{port}"  # The address of a gateway or of a service before this machine.
    return coordinator
