"""Series: one transformation after the other."""

import optax

from ae_optax._transformation import transformation


@transformation
def chain(*transformations: optax.GradientTransformation) -> optax.GradientTransformation:
    r"""Apply transformations one after the other: :math:`u = f_n(\dots f_2(f_1(g)))`.

    The same as ``optax.chain`` (the state is the tuple of the parts' states), except that a
    chain of nothing is the identity and that the result can be described.

    Args:
        *transformations: Each is fed what the one before gives out. All see the same ``params``
            and extra arguments.

    Returns:
        A transformation; it needs ``params`` if one of its parts does.

    Raises:
        TypeError: If an argument is no gradient transformation.
    """
    for position, part in enumerate(transformations):
        check_transformation(f"transformations[{position}]", part)
    parts = tuple(map(optax.with_extra_args_support, transformations))

    def init(params):
        return tuple(part.init(params) for part in parts)

    def update(updates, state, params=None, **extra):
        if len(state) != len(parts):
            raise ValueError(
                f"`state` must have one entry for each of the {len(parts)} chained "
                f"transformations, got {len(state)}: it belongs to another optimizer."
            )
        new_state = []
        for part, part_state in zip(parts, state, strict=True):
            updates, part_state = part.update(updates, part_state, params, **extra)
            new_state.append(part_state)
        return updates, tuple(new_state)

    return optax.GradientTransformationExtraArgs(init, update)


def check_transformation(name: str, value: object) -> None:
    """Raise ``TypeError`` unless ``value`` is a gradient transformation."""
    if not isinstance(value, optax.GradientTransformation):
        raise TypeError(
            f"`{name}` must be a gradient transformation, got {value!r}."
            + (" Call it to make one." if callable(value) else "")
        )
