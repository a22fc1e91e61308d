"""Marks that stand where a value is still to come."""


class Unset:
    """The type of the two marks."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        """Return the name."""
        return self.name


SWEPT = Unset("swept")
"""Stands where a comparison puts the learning rate."""

FAILED = Unset("failed")
"""Stands where a value could not be read; a problem says why."""
