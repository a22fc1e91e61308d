"""Small namespaces for configs, and a way to read a config from text."""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import optax
import pytest

from ae_optax.lab.config import ConfigError, Kind
from ae_optax.lab.plans import load_comparison, load_run


class Made(NamedTuple):
    """What the fakes for data, models and losses return."""

    name: str


class Data(Made):
    pass


class Model(Made):
    pass


class Loss(Made):
    pass


def digits(*, validation: int = 180, path: str | None = None) -> Data:
    if validation < 0:
        raise ValueError(f"`validation` must be at least 0, got {validation!r}.")
    return Data("digits")


def mlp(
    hidden: list[int],
    code: int,
    *,
    activation: Literal["relu", "tanh"] = "relu",
    tied: bool = False,
) -> Model:
    if code < 1:
        raise ValueError(f"`code` must be positive, got {code!r}.")
    return Model("mlp")


def mse() -> Loss:
    return Loss("mse")


def penalised(loss: Loss, *, weights: "tuple[float, float]" = (1.0, 0.5), note=None) -> Loss:
    return Loss(f"penalised {loss.name}")


def adam(
    learning_rate: optax.ScalarOrSchedule,
    *,
    b1: float = 0.9,
    eps: float | jax.Array = 1e-8,
    mu_dtype: jax.typing.DTypeLike | None = None,
    weight_decay_mask: Any = None,
) -> optax.GradientTransformation:
    if isinstance(learning_rate, float) and learning_rate < 0:
        raise ValueError(f"`learning_rate` must be at least 0, got {learning_rate!r}.")
    if not 0 <= b1 < 1:
        raise ValueError(f"`decay` must lie in [0, 1), got {b1!r}.")
    if eps <= 0:
        raise ValueError(f"`eps` must be positive, got {eps!r}.")
    return optax.adam(learning_rate, b1, eps=eps)


def stubborn(learning_rate: float) -> optax.GradientTransformation:
    """Needs to know its rate."""
    return optax.sgd(learning_rate) if learning_rate > 0 else optax.set_to_zero()


def broken(at: Literal["init", "update"]) -> optax.GradientTransformation:
    def init(params):
        return ({} if at == "init" else params)["bias"]

    def update(updates, state, params=None):
        return ({} if at == "update" else updates)["bias"], state

    return optax.GradientTransformation(init, update)


def masked(
    inner: optax.GradientTransformation, mask: optax.MaskOrFn
) -> optax.GradientTransformation:
    return optax.masked(inner, mask)


def clip(max_norm: float) -> optax.GradientTransformation:
    return optax.clip_by_global_norm(max_norm)


def quotient(
    *, numerator: optax.GradientTransformation, denominator: optax.GradientTransformation
) -> optax.GradientTransformation:
    return optax.chain(numerator, denominator)


def chain(*transformations: optax.GradientTransformation) -> optax.GradientTransformation:
    return optax.chain(optax.identity(), *transformations)


def cosine(max_value: float, *, duration: int, min_value: float = 0.0) -> optax.Schedule:
    if duration < 1:
        raise ValueError(f"`duration` must be at least 1, got {duration!r}.")
    return lambda step: max_value + min_value * jnp.asarray(step, jnp.float32)


def inverse(value: float) -> optax.Schedule:
    return lambda step: jnp.asarray(step, jnp.float32) + 1 / value


def with_warmup(schedule: optax.Schedule, *, duration: int) -> optax.Schedule:
    return schedule


def _by_name(*functions):
    return {f.__name__: f for f in functions}


KINDS = {
    "data": Kind("data", Data, _by_name(digits)),
    "model": Kind("model", Model, _by_name(mlp)),
    "loss": Kind("loss", Loss, _by_name(mse, penalised)),
    "optimizer": Kind(
        "optimizer",
        optax.GradientTransformation,
        {
            **_by_name(adam, broken, chain, clip, masked, quotient, stubborn),
            "optax.sgd": optax.sgd,
            "optax.lamb": optax.lamb,
        },
    ),
    "schedule": Kind("schedule", optax.Schedule, _by_name(cosine, inverse, with_warmup)),
}

HEAD = """\
data: {name: digits}
model: {name: mlp, hidden: [32], code: 8}
loss: {name: mse}
"""
RUN = HEAD + "optimizer: {name: adam, learning_rate: 1e-3}\n"
COMPARISON = (
    HEAD
    + """\
compare:
  learning_rates: {start: 1e-4, stop: 1, count: 5}
  contenders:
    - optimizer: {name: adam}
    - optimizer: {name: optax.sgd}
"""
)


def write(folder, text):
    """Write a config file and return its path, short as in a message."""
    path = folder / "x.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def run(folder, text, *overrides):
    return load_run(write(folder, text), overrides, kinds=KINDS)


def comparison(folder, text, *overrides):
    return load_comparison(write(folder, text), overrides, kinds=KINDS)


def mistakes(load, folder, text, *overrides):
    """Return the lines of the error, without the folder."""
    with pytest.raises(ConfigError) as caught:
        load(folder, text, *overrides)
    lines = str(caught.value).replace(f"{folder}/", "").splitlines()
    assert len(lines) == len(caught.value.problems)
    return lines
