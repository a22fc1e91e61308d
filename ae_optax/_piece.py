"""Parts of a transformation that are no transformations themselves."""

import dataclasses
import re

from ae_optax._checks import shown


class Piece:
    """Printed as the call of the function that makes it; its fields are those of a dataclass."""

    def __repr__(self) -> str:
        """Return that call, without defaults: ``gram(decay=0.95)`` for ``Gram(0.95)``."""
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()
        given = (
            f"{field.name}={value!r}"
            for field in (dataclasses.fields(self) if dataclasses.is_dataclass(self) else ())
            if (value := getattr(self, field.name)) is not field.default
        )
        return f"{name}({', '.join(given)})"


def check_piece(name: str, value: object, kind: type[Piece]) -> None:
    """Raise ``TypeError`` unless ``value`` is a piece of this kind."""
    if not isinstance(value, kind):
        raise TypeError(
            f"`{name}` must be a {kind.__name__.lower()}, got {shown(value)}."
            + (" Call it to make one." if callable(value) else "")
        )
