"""Can I write my own optimizer in ten lines?

Usage: python experiments/your_own_optimizer/run.py [--quick | --redraw]
"""

import inspect
from pathlib import Path

import jax
import jax.numpy as jnp
from own_optimizer import mean_size

from ae_optax.lab import plans, study
from ae_optax.lab.figures import draw_over_rates, make_panels, number, rate

CONFIG = Path(__file__).parents[2] / "configs" / "mnist" / "own_optimizer.yaml"
QUICK = ("data.name=digits", "training.epochs=2", "compare.seeds=1")
STEPS = 100


def measure(quick):
    overrides = QUICK if quick else ()
    record = study.compare(CONFIG, overrides)
    contenders = [
        {
            "label": contender.label,
            **study.losses_at_rates(contender),
            "best": chosen(contender),
        }
        for contender in record.contenders
    ]
    setup = {"config": study.overridden(CONFIG, overrides), "steps_of_both": STEPS}
    numbers = {
        "contenders": contenders,
        "lines": len(inspect.getsource(mean_size).splitlines()),
        "same_steps": bool(same_steps()),
    }
    return study.Measured(setup, numbers, record.seeds)


def chosen(contender):
    best = contender.best
    final = {name: round(loss, 6) for name, loss in vars(best.final_test).items()}
    return {"learning_rate": best.learning_rate, **final}


def same_steps():
    """Tell whether the rule takes the same steps from the config and from the program."""
    told = plans.load_comparison(CONFIG).contenders[0].settings[0]
    pair = told.optimizer.build(), mean_size(told.learning_rate)
    params = {"w": jnp.ones(100)}

    def steps(optimizer):
        def step(state, key):
            gradient = {"w": jax.random.normal(key, (100,))}
            updates, state = optimizer.update(gradient, state, params)
            return state, updates["w"]

        keys = jax.random.split(jax.random.key(0), STEPS)
        return jax.lax.scan(step, optimizer.init(params), keys)[1]

    return jnp.array_equal(*map(steps, pair))


def pictures(found):
    contenders = found.numbers["contenders"]
    key = [(i, contender["label"]) for i, contender in enumerate(contenders)]
    panels = make_panels(
        [""], columns=1, size=(420, 250), x="learning rate", y="final test loss", key=key
    )
    draw_over_rates(panels.axes, [contenders])
    described = "Final test loss of three optimizers against their learning rate."
    return {"sensitivity": study.Picture(panels.figure, described)}


def tables(found):
    rows = [
        [
            contender["label"],
            rate(best["learning_rate"]),
            f"{number(best['median'])} ({number(best['lowest'])}–{number(best['highest'])})",
        ]
        for contender in found.numbers["contenders"]
        for best in [contender["best"]]
    ]
    lines = CONFIG.read_text().splitlines()
    rule = lines[
        lines.index("    - label: mean size") : lines.index("    - optimizer: {name: adam}")
    ]
    return {
        "program": f"```python\n{inspect.getsource(mean_size)}```",
        "config": "\n".join(["```yaml", *rule, "```"]),
        "results": study.table(["", "best rate", "test loss: median (range)"], rows),
    }


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
