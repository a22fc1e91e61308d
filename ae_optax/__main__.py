"""The command ``ae-optax``, which is ``python -m ae_optax`` too."""

import importlib.util
import sys

NEEDED = ("flax", "matplotlib", "orbax", "rich", "yaml")
"""What the laboratory imports beyond what the library does: the extra ``lab``."""


def main() -> int:
    """Run the command of the laboratory, or tell what to install for it.

    Returns:
        The exit code: 2 if a package that the laboratory needs is not installed.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(
            f"ae-optax: the laboratory needs {', '.join(missing)}, not installed here: "
            'pip install "ae_optax[lab]".',
            file=sys.stderr,
        )
        return 2
    from ae_optax.lab import cli

    return cli.main()


if __name__ == "__main__":
    sys.exit(main())
