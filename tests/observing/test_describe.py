"""``describe``: what a transformation is made of, as text."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ae_optax
from ae_optax import describe, observing

ADAM = """\
adam(learning_rate=0.001, b1=0.9, b2=0.999, eps=1e-08, mu_dtype='params')
├─ quotient
│  ├─ numerator
│  │  ├─ average(decay=0.9, dtype='params')   4 bytes/parameter
│  │  └─ correct_bias(decay=0.9)
│  └─ denominator
│     ├─ square()
│     ├─ average(decay=0.999)                 4 bytes/parameter
│     ├─ correct_bias(decay=0.999)
│     ├─ root()
│     └─ add(value=1e-08)
└─ scale_by_learning_rate(learning_rate=0.001)

state    8 bytes/parameter
update   """


def tree(transformation, params=None):
    return describe(transformation, params).split("\n\n")[0]


def test_adam_is_shown_as_it_is_written():
    shown = describe(ae_optax.adam(1e-3))
    assert shown.startswith(ADAM)
    passes, work = shown.removeprefix(ADAM).splitlines()
    assert passes.endswith(f" array passes on {jax.default_backend()}")
    assert re.fullmatch(r"work +1\d FLOP/parameter, those of the gradient of 2\.\d examples", work)


def test_plain_descent_makes_three_passes_and_keeps_next_to_nothing():
    shown = describe(ae_optax.sgd(0.1)).splitlines()
    assert shown[-3:-1] == ["state    8 bytes in all", "update   3 array passes on cpu"]
    assert shown[-1] == "work     2 FLOP/parameter, those of the gradient of 0.33 examples"


def test_costs_are_those_of_the_parameters_given():
    params = {"w": jnp.ones((2000, 100), jnp.bfloat16)}
    shown = describe(ae_optax.adam(1e-3), params)
    assert "average(decay=0.9, dtype='params')   2 bytes/parameter" in shown
    assert "state    6 bytes/parameter" in shown


@pytest.mark.slow
@pytest.mark.parametrize("name", ae_optax.optimizers.__all__)
def test_every_optimizer_is_shown_and_measured(name):
    shown = describe(getattr(ae_optax, name)(0.01))
    assert shown.startswith(f"{name}(learning_rate=0.01")
    assert "array passes" in shown


def test_a_schedule_is_shown_by_the_function_that_made_it_and_an_array_by_its_value():
    cosine = ae_optax.schedules.cosine_annealing(1e-2, min_value=0.0, duration=10)
    assert "learning_rate=cosine_annealing(...)" in tree(ae_optax.sgd(cosine))
    assert "learning_rate=0.1" in tree(ae_optax.sgd(jnp.float32(0.1)))
    assert "learning_rate=sometimes" in tree(ae_optax.sgd(sometimes))


def sometimes(step):
    return jnp.where(step > 3, 0.1, 0.0)


def test_a_part_that_sees_other_shapes_is_measured_as_a_whole():
    assert "bytes" not in tree(ae_optax.of_max_norm(ae_optax.average(0.9)))
    measured = ae_optax.with_telemetry(ae_optax.momentum(0.1))
    first, second, *_ = tree(measured).splitlines()
    assert first.split() == ["with_telemetry", "4", "bytes/parameter"]
    assert second.startswith("└─ transformation: momentum(")


def test_transformations_of_optax_and_of_others_are_shown_by_their_makers():
    def mine():
        def update(updates, state, params=None):
            return updates, state

        return optax.GradientTransformation(lambda _: (), update)

    def loose(updates, state, params=None):
        return updates, state

    loose.__qualname__ = "loose"
    parts = optax.clip(1.0), optax.scale_by_adam(), mine()
    parts += (optax.GradientTransformation(lambda _: (), loose),)
    assert tree(ae_optax.chain(*parts)).splitlines() == [
        "chain",
        "├─ optax.clip",
        "├─ optax.scale_by_adam   8 bytes/parameter",
        "├─ test_transformations_of_optax_and_of_others_are_shown_by_their_makers",
        "└─ optax transformation",
    ]


def test_what_cannot_be_measured_is_still_shown():
    shown = describe(ae_optax.chain(optax.lbfgs()))
    assert shown.startswith("chain\n└─ optax.chain")
    assert shown.splitlines()[-1].startswith("not measured: it needs other `params`, or more")
    labels = optax.partition({"a": ae_optax.sgd(0.1)}, {"w": "a"})
    assert "not measured" in describe(labels)
    assert "array passes" in describe(labels, {"w": jnp.ones(1000)})


def test_nothing_costs_nothing():
    assert describe(ae_optax.adam(0.1), {}).endswith("not measured: `params` hold no number.")
    cost = observing.cost_of(ae_optax.adam(0.1), {})
    assert np.isnan([cost.array_passes, cost.bytes_per_parameter, cost.examples]).all()


@pytest.mark.parametrize(
    "transformation",
    [
        ae_optax.minimize_quadratic(ae_optax.identity(), damping=1.0),
        ae_optax.adapt_damping(
            lambda damping: ae_optax.minimize_quadratic(ae_optax.identity(), damping=damping),
            initial_damping=1.0,
        ),
    ],
)
def test_what_asks_the_trainer_for_functions_is_measured(transformation):
    assert "array passes on cpu" in describe(transformation)


class Own(ae_optax.Root):
    def take(self, matrices, power, old):
        del matrices, power
        return old


def test_a_piece_of_ones_own_is_shown_by_its_name():
    assert "root=own()" in describe(ae_optax.precondition(ae_optax.gram(0.9), root=Own()))


def test_chains_of_nothing_and_of_chains_are_shown():
    assert tree(ae_optax.chain()) == "chain()"
    inner = ae_optax.chain(ae_optax.sign())
    assert tree(ae_optax.chain(inner)).splitlines() == ["chain", "└─ chain", "   └─ sign()"]


def test_repr_stays_the_call_in_one_line():
    assert repr(ae_optax.sgd(0.1)) == "sgd(learning_rate=0.1)"


def test_what_is_no_transformation_is_refused():
    with pytest.raises(TypeError, match="`transformation` must be a gradient transformation"):
        describe(ae_optax.adam)


def test_the_cost_as_numbers_is_what_it_says():
    cost = observing.cost_of(ae_optax.adam(1e-3), {"w": jnp.ones([1000, 1000])})
    assert cost.parameters == 10**6
    assert cost.bytes_per_parameter == pytest.approx(8, rel=1e-4)  # And a count of two words.
    shown = describe(ae_optax.adam(1e-3), {"w": jnp.ones([1000, 1000])})
    assert f"update   {cost.array_passes:.3g} array passes on cpu" in shown


def test_plain_descent_makes_three_passes():
    cost = observing.cost_of(ae_optax.sgd(0.1), {"w": jnp.ones([100, 100])})
    assert cost.array_passes == pytest.approx(3, rel=1e-3)


M, N = 400, 240


def flops_of(optimizer):
    return observing.cost_of(optimizer, {"w": jnp.ones((M, N))}).flops


def test_work_is_that_of_the_matrices_whose_turn_comes_every_few_steps_in_its_share():
    never = flops_of(ae_optax.soap(0.1, refresh_every=10**6))
    ten, five = (flops_of(ae_optax.soap(0.1, refresh_every=k)) for k in (10, 5))
    np.testing.assert_allclose(five - never, 2 * (ten - never), rtol=1e-6)
    # Of both sides: the product with the basis, the factorisation, the turn; of the moment, twice.
    sides = M**3 + N**3
    desired = (2 + 8 / 3 + 2) * sides + 2 * M * N * (M + N)
    np.testing.assert_allclose(10 * (ten - never), desired, rtol=0.05)
    # Two statistics, and the gradient into the basis and back.
    np.testing.assert_allclose(never, 6 * M * N * (M + N), rtol=0.1)


def test_work_of_a_rule_of_layers_is_that_of_their_factors_and_told_with_their_examples():
    params = {"w": jnp.ones((M, N)), "b": jnp.ones(N)}
    few, many = (
        observing.cost_of(ae_optax.kfac(0.1), params, examples=number).flops for number in (10, 110)
    )
    np.testing.assert_allclose(many - few, 2 * 100 * ((M + 1) ** 2 + N**2), rtol=0.05)
    shown = describe(ae_optax.kbfgs(0.1), params).splitlines()
    assert shown[-1] == "         with layers and layers_at of 128 examples, dense"


def test_work_of_five_iterations_of_muon_is_that_of_their_products():
    small, large = min(M, N), max(M, N)
    desired = 5 * (2 * 2 * small**2 * large + 2 * small**3)
    np.testing.assert_allclose(flops_of(ae_optax.muon(0.1)), desired, rtol=0.15)
