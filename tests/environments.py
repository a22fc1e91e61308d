"""The environments of the tests' own processes."""

import os


def eight_devices():
    """Return this one, with the CPU as eight devices."""
    flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count=8"
    return os.environ | {"XLA_FLAGS": flags, "JAX_PLATFORMS": "cpu"}
