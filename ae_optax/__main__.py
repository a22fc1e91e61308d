"""``python -m ae_optax`` is the command ``ae-optax``."""

import sys

from ae_optax.cli import main

if __name__ == "__main__":
    sys.exit(main())
