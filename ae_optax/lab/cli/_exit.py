"""How the program ends."""

OK = 0
FAILED = 1
USAGE = 2
DIVERGED = 3
HUNG_UP = 129
STOPPED = 130
TERMINATED = 143


class UsageError(Exception):
    """A mistake of the user's; the message is all that is shown."""

    code = USAGE


class RunError(Exception):
    """Something that went wrong, and was no mistake; the message is all that is shown."""

    code = FAILED
