"""What makes runs, by name."""

from ae_optax.lab import sweeps
from ae_optax.lab.cli._environment import device, versions
from ae_optax.lab.cli._exit import UsageError
from ae_optax.lab.cli._output import command_line

NAMES = ("in-process", "subprocess", "ray")


def make_executor(name: str, at_once: int) -> sweeps.Executor:
    """Make an executor.

    Args:
        name: One of ``NAMES``.
        at_once: How many processes at a time, where runs have processes of their own.

    Raises:
        UsageError: If it cannot be had.
    """
    try:
        if name == "subprocess":
            return sweeps.subprocesses(at_once)
        if name == "ray":
            return sweeps.ray_cluster()
    except ValueError as error:
        raise UsageError(f"--jobs: {error}") from error
    except ModuleNotFoundError as error:
        raise UsageError(str(error)) from error
    about = {"command": command_line(), "versions": versions(), "device": device()}
    return sweeps.in_process(about=about)
