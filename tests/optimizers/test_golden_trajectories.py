"""The matrix rules against trajectories of their authors' own code, step by step.

Each file of ``tests/golden`` holds the gradients of one leaf and where the authors' code led it.
What is compared are compositions: the authors' settings, with our pieces at the places where their
dialects have them. Rectangular leaves begin with the basis that is recorded, as the null space of
a first statistic has none of its own.
"""

import functools
import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import ae_optax as ao

GOLDEN = Path(__file__).parents[1] / "golden"
# Not here: Muon's rest is a whole of its own in COSMOS.
OTHERS = ("cosmos",)
NAMES = sorted(path.stem for path in GOLDEN.glob("*.npz"))


@functools.cache
def load(name):
    with np.load(GOLDEN / f"{name}.npz") as found:
        record = dict(found)
    return record, json.loads(str(record["settings"]))


def begin_with_recorded_bases(record, monkeypatch):
    """Let the first eigenvectors of a rectangular leaf be those that are recorded."""
    recorded = [record[key] for key in record if key.startswith("first_basis")]
    by_size = {len(q): q for q in recorded}
    if len(by_size) < 2:
        return

    def recorded_basis(matrices):
        return jnp.broadcast_to(by_size[matrices.shape[-1]], matrices.shape)

    monkeypatch.setattr("ae_optax._matrices._bases.eigenbasis", recorded_basis)


# The rules. Each takes the settings of its file and makes an optimizer of a learning rate.


def velocity(h):
    make = ao.scale_by_nesterov if h["nesterov"] else ao.scale_by_momentum
    return ao.chain(make(h["momentum"], dtype=None), ao.scale(1 - h["momentum"]))


def muon(h):
    return functools.partial(
        ao.muon, momentum=h["momentum"], out_axis=0, weight_decay=h["weight_decay"]
    )


def muon_optax(h):
    return lambda rate: ao.chain(
        ao.nesterov_average(h["beta"]),
        ao.divide_by_norm(eps=h["eps"]),
        ao.newton_schulz(),
        ao.scale_by_fan(),
        ao.add_decayed_weights(h["weight_decay"]),
        ao.scale_by_learning_rate(rate),
    )


def muon_torch(h):
    original = h["adjust_lr_fn"] == "original"
    return lambda rate: ao.chain(
        velocity(h),
        # PyTorch divides by the norm itself unless it is below 1e-7, which none is here.
        ao.divide_by_norm(eps=1e-30),
        ao.newton_schulz(),
        ao.scale_by_fan(out_axis=-2) if original else ao.scale_by_longest_side(),
        ao.add_decayed_weights(h["weight_decay"]),
        ao.scale_by_learning_rate(rate),
    )


def normuon(h):
    return functools.partial(
        ao.normuon,
        momentum=h["momentum"],
        b2=h["beta2"],
        out_axis=0,
        weight_decay=h["weight_decay"],
    )


def adamuon(h):
    normalised = ao.quotient(
        numerator=ao.identity(),
        denominator=ao.chain(ao.square(), ao.average(h["momentum"]), ao.root(), ao.add(h["eps"])),
    )
    return lambda rate: ao.chain(
        velocity(h),
        ao.sign(),
        ao.orthogonalize(),
        # A root mean square of 0.2.
        ao.graft(direction=normalised, magnitude=ao.chain(ao.sign(), ao.scale(0.2)), eps=h["eps"]),
        ao.add_decayed_weights(h["weight_decay"]),
        ao.scale_by_learning_rate(rate),
    )


def recorded(record):
    """Return what chance gave when the trajectory was recorded."""
    draws, balance = (jnp.asarray(record[key]) for key in ("draws", "balance"))
    return ao.Draws(
        normal=lambda count, shape, dtype: draws[count - 1].reshape(shape).astype(dtype),
        uniform=lambda count: jnp.where(balance[count - 1], 0.0, 1.0),
    )


def psgd_kron(h):
    settings = {
        "b1": h["b1"],
        "fit_rate": h["preconditioner_lr"],
        "initial_scale": h["preconditioner_init_scale"],
        "frequency": h["preconditioner_update_probability"],
        "weight_decay": h["weight_decay"],
    }
    draws = recorded(h["record"])
    if not h["memory_save_mode"]:
        return functools.partial(ao.psgd_kron, draws=draws, **settings)
    # Of a matrix, a diagonal factor for the longer side.
    return lambda rate: ao.chain(
        ao.fitted_precondition(
            settings["fit_rate"],
            inner=ao.chain(ao.average(h["b1"]), ao.correct_bias(h["b1"])),
            initial_scale=settings["initial_scale"],
            frequency=settings["frequency"],
            draws=draws,
            view=ao.view(sides="smaller"),
        ),
        ao.scale_by_learning_rate(rate),
    )


def shampoo_google(h):
    b1, b2, ridge = h["beta1"], h["beta2"], h["matrix_epsilon"]
    preconditioned = ao.precondition(
        ao.gram(b2, initial=ridge) if b2 < 1 else ao.gram_sum(initial=ridge),
        root=ao.ridged_root(ridge) if h["eigh"] else ao.newton_root(ridge),
        refresh=ao.every(h["preconditioning_compute_steps"]),
        view=ao.view(h["block_size"]),
    )
    eps = h["diagonal_epsilon"]

    def over_root(of_squares):
        root = ao.chain(ao.square(), of_squares, ao.root(), ao.add(eps))
        return ao.quotient(numerator=ao.identity(), denominator=root)

    magnitude = ao.identity()
    if h["graft_type"] == "ADAGRAD":
        magnitude = over_root(ao.running_sum())
    elif h["graft_type"] == "RMSPROP_NORMALIZED":
        magnitude = ao.chain(ao.divide_by_norm(eps=1e-30), over_root(ao.average(b2)))
    direction = preconditioned
    if h["graft_type"] != "NONE":
        direction = ao.graft(direction=preconditioned, magnitude=magnitude)
    momentum = ao.scale_by_nesterov if h["nesterov"] else ao.scale_by_momentum
    weight = 1 - b1 if h["moving_average_for_momentum"] else 1.0

    def descent(direction):
        decayed = ao.chain(direction, ao.add_decayed_weights(h["weight_decay"]))
        return ao.chain(decayed, momentum(b1, dtype=None), ao.scale(weight))

    return lambda rate: ao.chain(
        ao.switch(
            at=h["start_preconditioning_step"],
            before=descent(magnitude),
            after=descent(direction),
        ),
        ao.scale_by_learning_rate(rate),
    )


def shampoo_meta(h):
    (b1, b2), every, start = (
        h["betas"],
        h["precondition_frequency"],
        h["start_preconditioning_step"],
    )
    start = every if start == -1 else start
    view = ao.view(h["max_preconditioner_dim"])
    mean = ao.chain(ao.average(b1), ao.correct_bias(b1))
    pseudo = h["preconditioner"].get("pseudo_inverse")
    direction = ao.precondition(
        ao.debiased_gram(b2) if b2 < 1 else ao.gram_sum(),
        root=ao.pseudo_root() if pseudo else ao.shifted_root(h["epsilon"]),
        inner=mean,
        refresh=ao.every(every, first=start, phase=0),
        view=view,
    )
    if graft := h["grafting"]:
        corrected = [ao.correct_bias(graft["beta2"])] if graft["kind"] == "adam" else []
        magnitude = ao.quotient(
            numerator=mean,
            denominator=ao.chain(
                ao.square(),
                ao.average(graft["beta2"]),
                *corrected,
                ao.root(),
                ao.add(graft["epsilon"]),
            ),
        )
        direction = ao.graft(direction=direction, magnitude=magnitude, eps=1e-16, view=view)
        if start > 1:
            direction = ao.switch(at=start - 1, before=magnitude, after=direction)
    return lambda rate: ao.chain(
        direction, ao.add_decayed_weights(h["weight_decay"]), ao.scale_by_learning_rate(rate)
    )


def by_official_names(make):
    """Return what makes ``make`` of the settings of its authors' code, but for the rate."""

    def of(h):
        b1, b2 = h["betas"]
        return functools.partial(
            make,
            b1=b1,
            b2=b2,
            eps=h["eps"],
            refresh_every=h["precondition_frequency"],
            weight_decay=h["weight_decay"],
        )

    return of


soap, kl_shampoo = by_official_names(ao.soap), by_official_names(ao.kl_shampoo)


def kl_soap(h):
    b1, b2 = h["betas"]
    adam = ao.quotient(
        numerator=ao.turned(ao.average(b1)),
        denominator=ao.chain(ao.square(), ao.average(b2), ao.root(), ao.add(h["eps"])),
    )
    direction = ao.in_basis(
        ao.kl_gram(b2),
        inner=ao.delay(adam, steps=1),
        basis=ao.orthogonal_iteration(),
        refresh=ao.every(h["precondition_frequency"]),
    )
    return lambda rate: ao.switch(
        at=1, before=ao.freeze(), after=ao.chain(direction, ao.scale_by_learning_rate(rate))
    )


def splus(h):
    direction = ao.in_basis(
        ao.gram(h["b2"]),
        inner=ao.chain(ao.turned(ao.average(h["b1"])), ao.sign()),
        basis=ao.eigenbasis(),
        refresh=ao.every(h["inverse_every"], phase=0),
    )
    return lambda rate: ao.chain(
        direction,
        ao.scale_by_mean_side(),
        ao.scale_by_learning_rate(rate),
        ao.average_params(h["ema_rate"]),
        # At the scaled rate.
        ao.decay_after_step(h["weight_decay"] * h["scale"], learning_rate=rate),
    )


def splus_jax(h):
    return functools.partial(
        ao.splus,
        b1=h["b1"],
        b2=h["b2"],
        average_decay=h["ema_rate"],
        refresh_every=h["inverse_every"],
        weight_decay=h["weight_decay"],
    )


def soap_muon(h):
    assert (h["denominator_power"], h["radial_inward_scale"], h["weight_decay"]) == (0.5, 1, 0)
    return functools.partial(
        ao.soap_muon,
        momentum=h["mu"],
        b2=h["second_moment_beta"],
        statistics_decay=h["statistics_beta"],
        eps=h["eps"],
        refresh_every=h["precondition_frequency"],
        floor=h["floor"],
        outward=h["radial_outward_scale"],
        out_axis=0,
    )


def sonew_jax(h):
    if h["graft_type"]:
        assert h["transpose"]
        return functools.partial(
            ao.sonew,
            b1=h["beta1"],
            b2=h["beta2"],
            eps=h["eps"],
            graft_eps=h["graft_eps"],
            weight_decay=h["weight_decay"],
        )
    mean = ao.chain(ao.average(h["beta1"]), ao.correct_bias(h["beta1"]))
    direction = ao.precondition_chain(h["beta2"], inner=mean, eps=h["eps"])
    return lambda rate: ao.chain(
        # Untransposed: row after row.
        ao.for_matrices(direction, others=ao.freeze(), out_axis=-1 if h["transpose"] else 0),
        ao.scale_by_learning_rate(rate),
    )


def sonew_torch(h):
    b1, b2 = h["betas"]
    mean = ao.chain(ao.average(b1), ao.correct_bias(b1))
    adam = ao.quotient(
        numerator=mean,
        denominator=ao.chain(ao.square(), ao.average(b2), ao.root(), ao.add(1e-8)),
    )
    direction = ao.precondition_chain(b2, inner=mean, eps=1e-30, least=h["eps"])
    grafted = ao.graft(direction=direction, magnitude=adam, eps=1e-30)
    return lambda rate: ao.chain(
        ao.for_matrices(grafted, others=adam, out_axis=0),
        ao.add_decayed_weights(h["weight_decay"]),
        ao.scale_by_learning_rate(rate),
    )


RULES = {
    "adamuon": adamuon,
    "kl_shampoo": kl_shampoo,
    "kl_soap": kl_soap,
    "muon": muon,
    "muon_optax": muon_optax,
    "muon_torch": muon_torch,
    "normuon": normuon,
    "psgd_kron": psgd_kron,
    "shampoo_google": shampoo_google,
    "shampoo_meta": shampoo_meta,
    "soap": soap,
    "soap_muon": soap_muon,
    "sonew_jax": sonew_jax,
    "sonew_torch": sonew_torch,
    "splus": splus,
    "splus_jax": splus_jax,
}
CASES = [name for name in NAMES if not name.startswith(OTHERS)]


def rule_of(name):
    """Return the rule whose name the file's begins with: the longest of them."""
    return RULES[max((rule for rule in RULES if name.startswith(rule)), key=len)]


@pytest.mark.parametrize("name", CASES)
def test_follows_its_authors_code(name, monkeypatch):
    record, settings = load(name)
    begin_with_recorded_bases(record, monkeypatch)
    hyperparameters = settings["hyperparameters"] | {"scale": 2 / sum(record["start"].shape)}
    with jax.enable_x64(True):
        make = rule_of(name)(hyperparameters | {"record": record})
    # The JAX file averages what the parameters were before each step.
    compared = {"parameters_after", "averages_after"} & set(record)
    compared -= {"averages_after"} if name.startswith("splus_jax") else set()

    @jax.jit
    def run(start, gradients, rates):
        optimizer = make(lambda step: rates[step])

        def step(carry, g):
            params, state = carry
            updates, state = optimizer.update(g, state, params)
            params = optax.apply_updates(params, updates)
            read = {
                "parameters_after": params,
                "averages_after": ao.evaluation_params(state, params),
            }
            return (params, state), {key: read[key] for key in compared}

        return jax.lax.scan(step, (start, optimizer.init(start)), gradients)[1]

    with jax.enable_x64(True):
        arrays = [jnp.asarray(record[key]) for key in ("start", "gradients", "rates")]
        found = jax.tree.map(np.asarray, run(*arrays))
    for step, at in enumerate(record["steps"]):
        for key in compared:
            desired = record[key][step]
            distance = np.linalg.norm(found[key][at - 1] - desired)
            way = np.linalg.norm(desired - record["start"])
            assert distance <= settings["expected_relative_tolerance"] * way, f"{key} {at}"


def test_every_rule_that_is_here_has_its_file():
    assert {rule_of(name) for name in CASES} == set(RULES.values())
    assert all(name.startswith((*RULES, *OTHERS)) for name in NAMES)
