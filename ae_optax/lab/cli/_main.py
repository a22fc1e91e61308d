"""The program, and what it does about mistakes."""

import sys
from collections.abc import Sequence

from ae_optax.lab.cli._arguments import make_parser
from ae_optax.lab.cli._exit import FAILED, OK, STOPPED, USAGE, RunError, UsageError


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line ``argv`` and return its exit code."""
    arguments = make_parser().parse_args(argv)
    try:
        return arguments.run(arguments)
    except UsageError as error:
        print(error, file=sys.stderr)
        return USAGE
    except RunError as error:
        print(error, file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("stopped", file=sys.stderr)
        return STOPPED
    except BrokenPipeError:
        # The reader has gone (`ae-optax list | head`): nobody is left to tell.
        sys.stderr.close()
        return OK
