"""Orders of stages that run, but rarely do what was meant."""

import itertools
from collections.abc import Iterator
from typing import Literal, TypeAlias

import optax

from ae_optax._checks import is_plain_number
from ae_optax._transformation import Transformation, check_transformation
from ae_optax.observing._composition import Stage, name_of, parts, series

Role: TypeAlias = Literal["rate", "plateau", "clip", "decay", "adaptive", "other", "unknown"]

# They scale a leaf or everything by one number: a decay keeps its share.
NOT_ADAPTIVE = {
    "scale_by_fan",
    "scale_by_local_rate",
    "scale_by_longest_side",
    "scale_by_mean_side",
    "scale_by_momentum",
    "scale_by_nesterov",
    "scale_by_param_block_norm",
    "scale_by_param_block_rms",
    "scale_by_parameter_rms",
    "scale_by_trust_ratio",
}
# What applies a rate by itself, or finds one.
APPLY_RATE = {"adapt_damping", "minimize_quadratic", "schedule_free"}
CLIPS = {"adaptive_clip", "adaptive_grad_clip"}
DECAYS = {"add_cautious_decay", "add_decayed_weights"}
# Those of Optax that may hold a learning rate, or anything.
OPAQUE = {"optax.scale_by_learning_rate", "optax.scale_by_schedule"}


def lint(transformation: optax.GradientTransformation) -> list[str]:
    """Return warnings about the order of stages, each a sentence or two.

    They are about two learning rates or none, and about clipping after the rate, decay after the
    rate or before an adaptive scaling, and a plateau before the rate. What an optimizer of this
    package is made of is taken as meant; what Optax's optimizers are made of is not known.

    Args:
        transformation: An optimizer; a transformation that is only a part of one has no learning
            rate, which is one of the warnings.

    Returns:
        The warnings, none if all is well.

    Raises:
        TypeError: If ``transformation`` is no gradient transformation.
    """
    check_transformation("transformation", transformation)
    stages: list[tuple[Stage, Role]] = [
        (stage, role(stage.transformation)) for stage in _stages(transformation)
    ]
    warnings = [w for pair in itertools.combinations(stages, 2) for w in _about(*pair)]
    if all(r not in ("rate", "unknown") for _, r in stages):
        warnings.append(
            "no learning rate: nothing flips the sign, so the steps lead uphill. "
            "End with scale_by_learning_rate."
        )
    return warnings


def role(transformation: optax.GradientTransformation) -> Role:
    """Tell what a stage is for, as far as the order matters."""
    own = isinstance(transformation, Transformation)
    full, name = name_of(transformation), name_of(transformation).removeprefix("optax.")
    if own and name in APPLY_RATE | {"scale_by_learning_rate"}:
        return "rate"
    if own and name == "scale":
        factor = transformation.arguments["factor"]
        return ("rate" if factor < 0 else "other") if is_plain_number(factor) else "unknown"
    if name == "reduce_on_plateau":
        return "plateau"
    if name.startswith("clip") or name in CLIPS:
        return "clip"
    if name in DECAYS:
        return "decay"
    adaptive = name in ("quotient", "sign") or name.startswith("scale_by_")
    if adaptive and name not in NOT_ADAPTIVE and full not in OPAQUE:
        return "adaptive"
    if not own:
        return "unknown"
    if transformation.body is not None:
        return role(transformation.body)
    inside = {role(s.transformation) for _, part in parts(transformation) for s in series(part)}
    return "unknown" if inside & {"rate", "unknown"} else "other"


def _stages(transformation) -> Iterator[Stage]:
    """Yield the stages, those inside a wrapper of one transformation included."""
    for stage in series(transformation):
        inner = parts(stage.transformation)
        if len(inner) == 1 and name_of(stage.transformation) not in APPLY_RATE:
            for deeper in _stages(inner[0][1]):
                yield deeper._replace(within=stage.within + deeper.within)
        else:
            yield stage


def _about(earlier: tuple[Stage, Role], later: tuple[Stage, Role]) -> Iterator[str]:
    """Yield what is to be said about two stages of which one comes before the other."""
    (first, before), (second, after) = earlier, later
    if any(a is b for a, b in zip(first.within, second.within, strict=False)):
        return  # The author of that optimizer meant it.
    match before, after:
        case "rate", "rate":
            yield (
                f"two learning rates, {first} and {second}: they multiply, and the second "
                "flips the sign back. Keep one."
            )
        case "rate", "clip":
            yield (
                f"{second} comes after {first}: it clips the step, not the gradient. "
                "Put it before the learning rate."
            )
        case "rate", "decay":
            yield (
                f"{second} comes after {first}, which flips the sign: the weights grow. "
                "Put it before the learning rate."
            )
        case "decay", "adaptive":
            yield (
                f"{first} comes before {second}, which divides the decay along with the "
                "gradient. For decoupled decay put it after."
            )
        case "plateau", "rate":
            yield (
                f"{first} comes before {second}: what adapts to the size of the gradient "
                "undoes its scaling. Put it last."
            )
        case _:
            pass
