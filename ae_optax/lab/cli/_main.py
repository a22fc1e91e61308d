"""The program, and what it does about mistakes."""

import importlib
import os
import sys
from collections.abc import Sequence

import jax

from ae_optax.lab._workers import are_busy
from ae_optax.lab.cli._arguments import make_parser
from ae_optax.lab.cli._exit import FAILED, STOPPED, RunError, UsageError
from ae_optax.lab.cli._machine import is_out_of_memory, keep_lapack_to_one_thread
from ae_optax.lab.cli._signals import Terminated, unwinding
from ae_optax.lab.cli._terminal import safe_streams, say
from ae_optax.lab.config import Program


def main(argv: Sequence[str] | None = None, *, config: Program | None = None) -> int:
    """Run the command line ``argv`` and return its exit code.

    Args:
        argv: The command and its arguments; those of the program by default.
        config: What a program gives in the place of the config file that ``argv`` names.
    """
    keep_lapack_to_one_thread()
    with safe_streams(), unwinding():
        arguments = make_parser().parse_args(argv)
        if config is not None:
            arguments.config = config
        # A command's module is loaded when the command is given.
        module, _, function = arguments.command.partition(".")
        command = getattr(importlib.import_module(f"ae_optax.lab.cli.{module}"), function)
        try:
            return command(arguments)
        except (UsageError, RunError) as error:
            say(str(error), error=True)
            return error.code
        except (MemoryError, jax.errors.JaxRuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            reason = str(error).partition("\n")[0] or "no more can be had"
            say(f"out of memory: {reason} Take a smaller model or batch_size.", error=True)
            return FAILED
        except (KeyboardInterrupt, Terminated) as error:
            say("stopped", error=True)
            code = error.code if isinstance(error, Terminated) else STOPPED
            if are_busy():  # For which Python would wait. What they write is whole or not there.
                sys.stdout.flush()
                os._exit(code)
            return code
