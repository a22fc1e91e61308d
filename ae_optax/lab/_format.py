"""Numbers as people read them: three significant digits, true signs, no `e`."""

import json
import math
from collections.abc import Iterable
from typing import Any, TypeGuard

DIGITS = 3
ABSENT = "–"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def number(value: float | None) -> str:
    """Write ``value`` with three significant digits; what is absent or not finite is a dash."""
    if value is None or not math.isfinite(value):
        return ABSENT
    if value == 0:
        return "0"
    mantissa, exponent = f"{value:.{DIGITS - 1}e}".split("e")
    power = int(exponent)
    if not -4 <= power < 6:
        return f"{mantissa} × {power_of_ten(power)}"
    return f"{float(f'{mantissa}e{power}'):.{max(0, DIGITS - 1 - power)}f}"


def rate(value: float | None) -> str:
    """Write a learning rate: as :func:`number`, without zeros that carry nothing."""
    text = number(value)
    mantissa, times, power = text.partition(" × ")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return power if times and mantissa == "1" else mantissa + times + power


def is_number(value: Any) -> TypeGuard[int | float]:
    """Tell whether a value of a config is a number, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def loss_in_words(criterion: str) -> str:
    """Write the name of a loss in words: ``train_loss`` is the training loss."""
    return criterion.replace("_", " ").replace("train ", "training ")


def at(path: str, value: Any) -> str:
    """Write a number that was tuned, with the last name of its path; what is no number as JSON."""
    text = value if isinstance(value, str) else json.dumps(value)
    text = rate(value) if is_number(value) else text
    return f"{path.rpartition('.')[2]} {text}"


def power_of_ten(exponent: int) -> str:
    """Write a power of ten with a raised exponent."""
    return f"10{str(exponent).translate(_SUPERSCRIPTS)}"


def integer(value: float | None) -> str:
    """Write a count, its thousands apart."""
    if value is None or not math.isfinite(value):
        return ABSENT
    return f"{round(value):,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def hundredths(value: float) -> str:
    """Write a number to two decimals, without zeros that carry nothing."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def counted(count: int, noun: str) -> str:
    """Write how many there are of something whose plural is regular."""
    return f"{integer(count)} {noun}{'' if count == 1 else 's'}"


def percent(share: float | None) -> str:
    """Write a share in [0, 1] in per cent; only an exact nothing is 0 %."""
    if share is None:
        return ABSENT
    if 0 < share < 0.005:
        return "< 1 %"
    return f"{100 * share:.0f} %"


def span(lowest: float | None, highest: float | None) -> str:
    """Write a range of losses; an end that is absent was lost to divergence."""
    if lowest is None:
        return ABSENT
    return f"{number(lowest)}–{number(highest) if highest is not None else 'diverged'}"


def duration(seconds: float) -> str:
    """Write a time in the unit that suits it."""
    if seconds < 120:
        return f"{number(seconds)} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    return f"{number(seconds / 3600)} h"


def listed(words: Iterable[str]) -> str:
    """Join words as a sentence lists them."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last
