"""The error of data, and text that can be shown."""


class DataError(ValueError):
    """Data that cannot be used: one line that names the file or the array."""

    def __init__(self, message: str):
        super().__init__(printable(message))


def printable(text: str) -> str:
    """Return text whose parts that are no UTF-8, as names of files may have, are written out."""
    return text.encode("utf-8", "backslashreplace").decode()
