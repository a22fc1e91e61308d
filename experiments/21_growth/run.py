"""What does training cost as it grows?

Usage: python experiments/21_growth/run.py [--quick | --redraw]
"""

import functools
import itertools
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import ae_optax as ao
from ae_optax.lab import data, losses, models, study, training
from ae_optax.lab.figures import line_style, log_axes, make_panels, number, rate
from ae_optax.lab.runs import run_id, write_file

RATE = 1e-3
WORDS = {
    "parameters": "parameters",
    "leaves": "leaves",
    "batch": "images a batch",
    "data": "training images",
    "runs": "runs",
    "devices": "devices",
}
COSTS = {"seconds": "CPU seconds", "megabytes": "MB", "compile_seconds": "CPU s to compile"}
KEY = [
    (0, "as it is: adam, runs one by one, state on each device"),
    (1, "flatten(adam), runs as lanes, state divided"),
]
SETUP = {
    "parameters": {"widths": [36, 142, 484, 1565, 4984, 15795], "most_run": 2e7, "batch": 128},
    "leaves": {"counts": [1, 10, 100, 1000], "numbers": 2**20},
    "batch": {"sizes": [1, 8, 64, 512, 4096], "width": 484},
    "data": {"counts": [1000, 10_000, 100_000, 1_000_000], "hidden": 32, "code": 8, "batch": 128},
    "runs": {"counts": [1, 4, 16, 64], "images": 1437, "epochs": 2, "hidden": 32, "code": 8},
    "devices": {"counts": [1, 2, 4, 8], "width": 484, "batch": 512, "steps": 4},
    "beyond": {"parameters": 1e9, "devices": [64, 512]},
    "least_of": 5,
}
QUICK = {
    "parameters": {"widths": [36, 142], "most_run": 2e4, "batch": 128},
    "leaves": {"counts": [1, 10], "numbers": 2**12},
    "batch": {"sizes": [1, 64], "width": 36},
    "data": {"counts": [1000, 4000], "hidden": 32, "code": 8, "batch": 128},
    "runs": {"counts": [1, 4], "images": 200, "epochs": 1, "hidden": 8, "code": 4},
    "devices": {"counts": [1, 2], "width": 36, "batch": 64, "steps": 2},
    "least_of": 2,
}


def measure(quick):
    setup = SETUP | (QUICK if quick else {})
    jax.config.update("jax_enable_compilation_cache", False)
    numbers = {}
    for axis, its in AXES.items():
        numbers[axis] = with_slopes(made_once(axis, its, setup[axis], setup["least_of"]))
        print(f"{axis}: {json.dumps(numbers[axis])}", flush=True)
    numbers["beyond"] = beyond(setup["beyond"])
    numbers["told"] = told(numbers)
    return study.Measured(setup, numbers)


def made_once(axis, measure_axis, setup, times):
    """Return what an earlier command has found along an axis, or what is found now."""
    key = {"axis": axis, "setup": setup, "least_of": times}
    path = Path("runs/growth") / f"{run_id(key)}.json"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_file(path, json.dumps(measure_axis(setup, times)))
    return json.loads(path.read_text())


def with_slopes(found):
    """Add to every row the exponents with which its costs have grown since the row before."""
    for rows in found.values():
        for row in rows:
            row["megabytes"] = study.rounded(row["bytes"] / 1e6, digits=3)
        for before, row in itertools.pairwise(rows):
            more = np.log(row["work"] / before["work"])
            row["slopes"] = {
                cost: round(float(np.log(row[cost] / before[cost]) / more), 2) + 0.0
                for cost in COSTS
                if cost in row and cost in before
            }
    return found


def parameters(setup, times):
    """Return the cost of a step of ever wider networks; the widest are compiled and not run."""
    rows = []
    for width in setup["widths"]:
        model = models.mlp_autoencoder([width, width], width)
        count = 4 * width**2 + (4 + 2 * 64) * width
        rows.append(one_step(model, setup["batch"], times if count < setup["most_run"] else 0))
    return {"one network": rows}


def batch(setup, times):
    model = models.mlp_autoencoder([setup["width"]] * 2, setup["width"])
    return {"one network": [one_step(model, size, times, work=size) for size in setup["sizes"]]}


def one_step(model, size, times, work=None):
    """Return what a step with Adam costs, and how much of it are the products of the model."""
    optimizer = ao.adam(RATE)
    step = training.make_step(training.Task(model, losses.mse()), optimizer)
    shape = jax.ShapeDtypeStruct((size, 8, 8), jnp.float32)

    def begin(images):
        return training.init_state(model, optimizer, images, 0)

    state = jax.eval_shape(begin, shape)
    count = sum(leaf.size for leaf in jax.tree.leaves(state.params))
    compiled, found = compiling(lambda s, x: step(s, x, None)[0], state, shape)
    found |= {"work": count if work is None else work, "parameters": count}
    if times:
        images = jnp.asarray(np.random.default_rng(0).random(shape.shape), jnp.float32)
        found["seconds"] = repeated(compiled, jax.jit(begin)(images), images, times=times)
    return found


def leaves(setup, times):
    """Return the cost of an update of as many numbers in ever more leaves."""
    rules = {"adam": ao.adam(RATE), "flatten(adam)": ao.flatten(ao.adam(RATE))}
    found = {name: [] for name in rules}
    for name, rule in rules.items():

        def update(carry, gradients, rule=rule):
            params, state = carry
            updates, state = rule.update(gradients, state, params)
            return optax.apply_updates(params, updates), state

        for count in setup["counts"]:
            size = setup["numbers"] // count
            gradients = {f"{i:04d}": jnp.ones(size) for i in range(count)}
            params = jax.tree.map(jnp.copy, gradients)
            carry = params, jax.jit(rule.init)(params)
            compiled, costs = compiling(update, carry, gradients)
            seconds = repeated(compiled, carry, gradients, times=times)
            found[name].append({"work": count, **costs, "seconds": seconds})
    return found


def of_bytes(count):
    images = np.random.default_rng(0).integers(0, 256, (count, 8, 8), np.uint8)
    return data.from_arrays(images, validation=images[:100], test=images[:100])


def data_(setup, times):
    """Return the cost of an epoch over ever more images of bytes, and of their order alone."""
    model, optimizer = models.mlp_autoencoder([setup["hidden"]], setup["code"]), ao.adam(RATE)
    rows = []
    for count in setup["counts"]:
        task = training.Task(model, losses.mse(), of_bytes(count))
        images = training.on_device(task.data).train
        values = training.make_values(task.data)

        def begin(images, values=values):
            return training.init_state(model, optimizer, images, 0, values=values)

        step = training.make_step(task, optimizer)
        epoch = training.make_epoch(step, setup["batch"])
        state = jax.jit(begin)(images)
        compiled, found = compiling(lambda s, x, epoch=epoch: epoch(s, x)[0], state, images)
        order = jax.jit(lambda key, n=count: jax.random.permutation(key, n))
        jax.block_until_ready(order(jax.random.key(0)))
        ordering = least(lambda order=order: order(jax.random.key(1)), times)
        seconds = repeated(compiled, state, images, times=2)
        # What is trained on is the program's argument, beside the state.
        rows.append({"work": count, **found, "seconds": seconds, "ordering_seconds": ordering})
    return {"one network": rows}


def runs(setup, times):
    """Return the cost of all runs, one after the other and as lanes of one program."""
    rng = np.random.default_rng(0)
    shown = (rng.random((k, 8, 8), np.float32) for k in (setup["images"], 180, 180, 10))
    images = training.Images(*map(jnp.asarray, shown))
    task = training.Task(models.mlp_autoencoder([setup["hidden"]], setup["code"]), losses.mse())
    settings = training.Settings(epochs=setup["epochs"], batch_size=64)
    start, run = training.make_start(task), training.make_run_from(task, ao.adam, settings)

    def one(rate, begun, images):
        return run(rate, begun, images).rows["test_loss"][-1]

    found = {"one by one": [], "as lanes": []}
    for count in setup["counts"]:
        begun = jax.jit(jax.vmap(start, (0, None)))(jnp.arange(count), images)
        several, costs = compiling(
            jax.vmap(one, (0, 0, None)), jnp.full(count, RATE), begun, images, donate=()
        )
        rates = jnp.geomspace(RATE / 3, 3 * RATE, count)
        seconds = least(lambda s=several, r=rates, b=begun: s(r, b, images), min(times, 3))
        found["as lanes"].append({"work": count, **costs, "seconds": seconds})
        alone = found["as lanes"][0]
        times_as_many = count * alone["seconds"]
        found["one by one"].append({"work": count, **alone, "seconds": times_as_many})
        found["one by one"][-1]["work"] = count
    return found


def devices(setup, _):
    """Return the cost of a step on ever more virtual devices, each count in a process."""
    found = {"state on each": [], "state divided": []}
    for count in setup["counts"]:
        environment = os.environ | {"JAX_NUM_CPU_DEVICES": str(count), "JAX_PLATFORMS": "cpu"}
        command = [sys.executable, Path(__file__).with_name("devices.py"), json.dumps(setup)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        for how, costs in json.loads(done.stdout.splitlines()[-1]).items():
            found[how].append({"work": count, **costs})
    return found


def beyond(setup):
    """Return on paper what many devices that divide a state hold, send and receive in a step."""
    size = 4 * setup["parameters"]
    return [
        {
            "devices": n,
            "state_megabytes": study.rounded(3e-6 * size / n, digits=3),
            # All parameters are gathered twice, their gradient is summed and divided once.
            "moved_gigabytes": study.rounded(3e-9 * size * (n - 1) / n, digits=3),
        }
        for n in setup["devices"]
    ]


def told(numbers):
    """Return what the page says of the rows, made of them."""
    of_parameters, of_batch = numbers["parameters"]["one network"], numbers["batch"]["one network"]
    rates = [row["flop"] / row["seconds"] for row in of_parameters if "seconds" in row]
    lanes, alone = numbers["runs"]["as lanes"], numbers["runs"]["one by one"]
    rounded = functools.partial(study.rounded, digits=3)
    return {
        "milliseconds": {
            axis: [
                rounded(1e3 * row["seconds"])
                for rows in numbers[axis].values()
                for row in rows
                if "seconds" in row
            ]
            for axis in AXES
        },
        "bytes_a_parameter": [rounded(row["bytes"] / row["work"]) for row in of_parameters],
        "gflop_a_second": [rounded(rate / 1e9) for rate in rates],
        "seconds_on_paper": [rounded(row["flop"] / rates[-1]) for row in of_parameters],
        "microseconds_an_image": [rounded(1e6 * row["seconds"] / row["work"]) for row in of_batch],
        "ordering_share": [
            rounded(row["ordering_seconds"] / row["seconds"])
            for row in numbers["data"]["one network"]
        ],
        "lanes_times_as_fast": [
            rounded(one["seconds"] / several["seconds"])
            for one, several in zip(alone, lanes, strict=True)
        ],
        "compile_milliseconds_a_leaf": {
            name: rounded(1e3 * rows[-1]["compile_seconds"] / rows[-1]["work"])
            for name, rows in numbers["leaves"].items()
        },
    }


def compiling(function, *arguments, donate=(0,)):
    """Return a compiled function, its bytes, and the processor seconds of making it."""
    jax.clear_caches()
    began = time.process_time()
    compiled = jax.jit(function, donate_argnums=donate).lower(*arguments).compile()
    seconds = time.process_time() - began
    memory = compiled.memory_analysis()
    held = memory.argument_size_in_bytes + memory.output_size_in_bytes - memory.alias_size_in_bytes
    costs = compiled.cost_analysis()
    return compiled, {
        "compile_seconds": round(seconds, 3),
        "bytes": held + memory.temp_size_in_bytes,
        "flop": float(costs["flops"]),
    }


def repeated(compiled, carry, *rest, times):
    """Return the least processor seconds of a call whose first argument is what it gave before."""

    def again():
        nonlocal carry
        carry = compiled(carry, *rest)
        return carry

    again()
    return least(again, times)


def least(call, times):
    """Return the least processor seconds of a call, many calls at a time where it is short."""
    found, calls = [], 1
    while len(found) < times:
        began = time.process_time()
        for _ in range(calls):
            out = call()
        jax.block_until_ready(out)
        seconds = time.process_time() - began
        if seconds < 0.05 and calls < 1000:  # Begin again with more: the clock is no finer.
            found, calls = [], calls * 4
        else:
            found.append(seconds / calls)
    return study.rounded(min(found), digits=3)


AXES = {
    "parameters": parameters,
    "leaves": leaves,
    "batch": batch,
    "data": data_,
    "runs": runs,
    "devices": devices,
}


def pictures(found):
    panels = make_panels(
        [WORDS[axis] if cost == "seconds" else "" for cost in COSTS for axis in AXES],
        columns=len(AXES),
        size=(156, 108),
        key=KEY,
        share_x=False,
        share_y=False,
    )
    places = [(cost, axis) for cost in COSTS for axis in AXES]
    for axes, (cost, axis) in zip(panels.axes, places, strict=True):
        for position, rows in enumerate(found.numbers[axis].values()):
            there = [row for row in rows if cost in row]
            x, y = [row["work"] for row in there], [row[cost] for row in there]
            axes.plot(x, y, **line_style(position) | {"markersize": 3})
        if cost == "compile_seconds":
            axes.set_ylim(0.1, 10)  # All alike, and wide enough for noise to look like noise.
        log_axes(axes)
        if axis == "parameters":
            axes.set_ylabel(COSTS[cost])
    described = (
        "Processor seconds, bytes and seconds to compile against parameters, leaves, batch, data, "
        "runs and devices."
    )
    return {"growth": study.Picture(panels.figure, described)}


def tables(found):
    blocks = {}
    for axis, its in found.numbers.items():
        if axis not in AXES:  # What is on paper, and what is told of all.
            continue
        heads = [WORDS[axis], *[""] * (len(its) > 1), "CPU seconds", "slope", "MB", "slope"]
        heads += ["to compile, s", "slope"]
        rows = []
        for name, of_it in its.items():
            for row in of_it:
                cells = [f"{row['work']:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")]
                cells += [name] * (len(its) > 1)
                for cost in COSTS:
                    slope = row.get("slopes", {}).get(cost)
                    cells += [number(row.get(cost)), "" if slope is None else f"{slope:.2f}"]
                rows.append(cells)
        blocks[axis] = study.table(heads, rows)
    rows = [[rate(row[k]) for k in row] for row in found.numbers["beyond"]]
    blocks["beyond"] = study.table(["devices", "MB of state on each", "GB moved"], rows)
    return blocks


if __name__ == "__main__":
    study.run(__file__, measure, pictures=pictures, tables=tables)
