"""What is raised when a checkpoint cannot be saved or used."""

import re


class CheckpointError(Exception):
    """A checkpoint could not be saved, or none could be restored; the message says why."""


class DamageError(Exception):
    """One checkpoint is not what was written; an older one may be."""


def reason(error: Exception) -> str:
    """Return why something failed, in one line.

    The storage strings together what it was doing, ``STATUS: doing this: doing that: what: why``,
    and appends its settings in brackets; the end of the string is what a reader needs.
    """
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    line = (str(error).splitlines() or [type(error).__name__])[0]
    if re.match("[A-Z_]+: ", line):
        line = ": ".join(re.split(r" \[\w[\w ]*='", line)[0].split(": ")[-2:])
    return line.rstrip(".")
