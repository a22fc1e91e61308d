"""The environments of the tests' own processes."""

import os


def eight_devices():
    """Return this one, with the CPU as eight devices."""
    return os.environ | {"JAX_NUM_CPU_DEVICES": "8", "JAX_PLATFORMS": "cpu"}
