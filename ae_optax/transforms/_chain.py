"""Series: one transformation after the other."""

import optax

from ae_optax._transformation import Transformation, check_transformation, transformation


@transformation
def chain(*transformations: optax.GradientTransformation) -> optax.GradientTransformation:
    r"""Apply transformations one after the other: :math:`u = f_n(\dots f_2(f_1(g)))`.

    The same as ``optax.chain`` (the state is the tuple of the parts' states), except that a
    chain of nothing is the identity and that the result can be described.

    The state is by position, as Optax's users expect: what was saved of one chain fits no chain
    with a part more or less, and ``flax.serialization.from_state_dict`` then says only how many
    entries differ. Where parts may come and go between saving and restoring give them names,
    ``optax.named_chain(("clip", clip(1.0)), ("adam", adam(1e-3)))``: the state is a mapping, and
    a part that is missing from it is missed by name. (Save that with Orbax: Flax's serialization
    does not look into such a mapping.)

    Args:
        *transformations: Each is fed what the one before gives out. All see the same ``params``
            and extra arguments.

    Returns:
        A transformation; it needs ``params`` if one of its parts does.

    Raises:
        ValueError: In ``update``, if the state is that of a longer or shorter chain.
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
                f"transformations, got {len(state)}: it belongs to another optimizer. "
                f"Chained are {', '.join(map(_name, transformations)) or 'none'}; the state is of "
                f"{', '.join(type(part).__name__ for part in state) or 'none'}."
            )
        new_state = []
        for part, part_state in zip(parts, state, strict=True):
            updates, part_state = part.update(updates, part_state, params, **extra)
            new_state.append(part_state)
        return updates, tuple(new_state)

    return optax.GradientTransformationExtraArgs(init, update)


def _name(part):
    return part.name if isinstance(part, Transformation) else "transformation"
