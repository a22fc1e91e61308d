"""``lint``: warnings about the order of stages."""

import re

import jax
import jax.numpy as jnp
import optax
import pytest

import ae_optax as ao
from ae_optax import chain, lint
from ae_optax._transformation import transformation

PLATEAU = ao.reduce_on_plateau(factor=0.5, patience=3)


def only(transformation):
    (warning,) = lint(transformation)
    return warning


@pytest.mark.parametrize("name", ao.optimizers.__all__)
def test_no_optimizer_of_ours_is_warned_about(name):
    optimizer = getattr(ao, name)(0.1)
    assert lint(optimizer) == []
    assert lint(chain(ao.clip_by_global_norm(1.0), optimizer, PLATEAU)) == []
    assert lint(ao.with_telemetry(optimizer)) == []


@pytest.mark.parametrize(
    ("transformation", "warning"),
    [
        (
            chain(ao.sgd(0.1), ao.scale_by_learning_rate(0.1)),
            "two learning rates, sgd and scale_by_learning_rate: .* flips the sign back",
        ),
        (chain(ao.adam(0.1), ao.scale(-1.0)), "two learning rates, .* (in adam) and scale: "),
        (
            chain(ao.adam(0.1), ao.clip(1.0)),
            "clip comes after scale_by_learning_rate (in adam): it clips the step",
        ),
        (chain(ao.sgd(0.1), optax.clip_by_global_norm(1.0)), "optax.clip_by_global_norm comes "),
        (
            chain(ao.adam(0.1), ao.add_decayed_weights(0.1)),
            "add_decayed_weights comes after .* (in adam), which flips the sign: the weights grow",
        ),
        (
            chain(ao.add_decayed_weights(0.1), ao.adam(0.1)),
            "add_decayed_weights comes before quotient (in adam), which divides the decay",
        ),
        (
            chain(optax.add_decayed_weights(0.1), optax.scale_by_rms(), ao.sgd(0.1)),
            "optax.add_decayed_weights comes before optax.scale_by_rms",
        ),
        (chain(ao.add_decayed_weights(0.1), ao.scale_by_rms(), ao.sgd(0.1)), "before scale_by_rms"),
        (
            chain(PLATEAU, ao.adam(0.1)),
            "reduce_on_plateau comes before scale_by_learning_rate (in adam): .* Put it last",
        ),
        (ao.scale_by_momentum(0.9), "no learning rate: nothing flips the sign"),
        (chain(), "no learning rate"),
        (chain(optax.scale_by_adam(), ao.scale(2.0), PLATEAU), "no learning rate"),
        (chain(ao.sgd(0.1), ao.adaptive_clip()), "adaptive_clip comes after"),
        (chain(ao.sgd(0.1), ao.add_cautious_decay(0.1)), "add_cautious_decay comes .* grow"),
        (chain(ao.with_telemetry(ao.sgd(0.1)), ao.clip(1.0)), "clip comes after sgd"),
    ],
    ids=lambda x: x if isinstance(x, str) else "",
)
def test_warns_about(transformation, warning):
    assert re.search(warning.replace("(", r"\(").replace(")", r"\)"), only(transformation))


@pytest.mark.parametrize(
    "transformation",
    [
        chain(ao.add_decayed_weights(0.1), ao.momentum(0.1)),  # An L2 penalty, as it is meant.
        chain(ao.add_decayed_weights(0.1), ao.scale_by_trust_ratio(), ao.sgd(0.1)),
        chain(ao.add_decayed_weights(0.1), ao.scale_by_fan(), ao.sgd(0.1)),
        ao.minimize_quadratic(ao.identity(), damping=1.0),
        chain(ao.scale_by_rms(), ao.add_decayed_weights(0.1), ao.sgd(0.1)),
        chain(ao.scale_by_rms(), ao.scale(-0.1)),
        optax.adam(0.1),
        chain(optax.scale_by_adam(), optax.scale_by_learning_rate(0.1)),
        chain(optax.scale_by_adam(), optax.scale_by_schedule(lambda _: -0.1)),
        optax.masked(ao.adam(0.1), {"w": True}),
    ],
)
def test_is_silent_about(transformation):
    assert lint(transformation) == []


def test_what_one_optimizer_is_made_of_is_taken_as_meant():
    @transformation
    def coupled():
        return chain(ao.add_decayed_weights(0.1), ao.scale_by_rms(), ao.sgd(0.1), ao.clip(1.0))

    assert lint(coupled()) == []
    assert lint(chain(ao.clip(1.0), coupled())) == []
    assert len(lint(chain(ao.add_decayed_weights(0.1), coupled()))) == 1
    assert len(lint(coupled().body)) == 2


def test_a_traced_factor_may_have_any_sign():
    warnings = []
    jax.eval_shape(lambda c: warnings.extend(lint(ao.scale(c))) or c, jnp.float32(1.0))
    assert warnings == []


def test_every_mistake_is_named():
    wrong = chain(PLATEAU, ao.add_decayed_weights(0.1), ao.adam(0.1), ao.clip(1.0), ao.sgd(0.1))
    # The plateau comes before two rates.
    assert len(lint(wrong)) == 5


def test_what_is_no_transformation_is_refused():
    with pytest.raises(TypeError, match="`transformation` must be a gradient transformation"):
        lint(ao.adam)
