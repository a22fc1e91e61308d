"""How many steps a compiled call takes, so that the host can listen in between."""

CALL_SECONDS = 1.0
"""How long a call should take at the most."""

FIRST = 1
"""Steps of the first call: nobody knows yet how long they take."""


class Pace:
    """Counts on what was seen of earlier calls.

    Attributes:
        steps: How many the next call may take, at least 1.
    """

    def __init__(self):
        self.steps = FIRST

    def saw(self, steps: int, seconds: float) -> None:
        """Note how long a call took."""
        if steps > 0:
            self.steps = max(1, int(steps * CALL_SECONDS / max(seconds, 1e-6)))
