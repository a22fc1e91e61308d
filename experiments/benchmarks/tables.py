"""The tables of the README, from the results."""

from statistics import median

from cost_tables import adam, leaves, tracing, update
from matrix import predicted
from table_parts import measured, met, skipped, spread

from ae_optax.lab.study import write_blocks

NAMES = {
    "ours": "**this trainer**",
    "torch_eager": "(a) PyTorch eager, `DataLoader`",
    "torch_compile": "(b) PyTorch `compile`, fused Adam",
    "jax_loop": "(c) plain `jax.jit` loop, `optax.adam`",
    "matmuls": "(d) the same matrix products alone",
}


def write(readme, results):
    """Put the tables between their markers."""
    write_blocks(
        readme, {part: table(results[part]) for part, table in TABLES.items() if part in results}
    )


def trainer(result):
    rows = ["| | steps per second | ours / it | expected | met |", "|---|--:|--:|--:|---|"]
    for name, found in result.get("contenders", {}).items():
        expected, reached, ratio = "", "", ""
        if found["expected"] is not None:
            expected = f"≥ {found['expected']:.2f}"
            reached = met(found["ours_over_it"]["median"] >= found["expected"])
            ratio = spread(found["ours_over_it"], 2)
        rate = spread(found["steps_per_second"], 0)
        rows.append(f"| {NAMES[name]} | {rate} | {ratio} | {expected} | {reached} |")
    return "\n".join([*rows, *skipped(result, NAMES), "", measured(result)])


def comparison(result):
    names = {
        "total": f"**the whole command** (at most {result['limit']} s)",
        "compilation": f"compilation of {result['optimizers']} programs",
        "runs_alone": f"{result['runs']} runs of {result['epochs']} epochs",
        "start_and_report": "start, data, what all runs start from compiled, report",
    }
    rows = ["| | seconds |", "|---|--:|"]
    rows += [f"| {name} | {spread(result['seconds'][part], 1)} |" for part, name in names.items()]
    step = f"A step takes {result['microseconds_per_step']:.0f} µs, evaluations included."
    return "\n".join([*rows, "", step, "", measured(result)])


def keeping(result):
    share, seconds = result["share"], result["resume_seconds"]
    few, soon = result["share_limit"], result["resume_limit"]
    low, middle, high = (f"{share[key]:.1%}" for key in ("lowest", "median", "highest"))
    lines = {
        "share of a checkpoint an epoch": (f"{middle} ({low} to {high})", f"{few:.0%}", share, few),
        "seconds to the first step, taken up": (spread(seconds, 1), f"{soon:.0f}", seconds, soon),
    }
    for name, found in result["start_seconds"].items():
        most = result["start_limits"][name]
        lines[f"of a new run, {name}"] = (spread(found, 1), f"{most:.0f}", found, most)
    rows = ["| | measured | expected | met |", "|---|--:|--:|---|"]
    for name, (shown, limit, found, most) in lines.items():
        rows.append(f"| {name} | {shown} | ≤ {limit} | {met(found['median'] <= most)} |")
    return "\n".join([*rows, "", measured(result)])


def streaming(result):
    ratio, limit, growth = result["ratio"], result["limit"], result["growth"]
    rows = ["| | images a second |", "|---|--:|"]
    rows += [f"| {name} | {spread(rate, 0)} |" for name, rate in result["rates"].items()]
    fast, flat = met(ratio["median"] >= limit), met(growth["highest"] <= result["growth_limit"])
    told = (
        f"Read in use: {ratio['median']:.2f} ({ratio['lowest']:.2f} to {ratio['highest']:.2f}) of "
        f"the rate in memory; expected ≥ {limit}: {fast}. Of a file of {result['bytes'] / 1e9:.1f} "
        f"GB, memory grew by {growth['highest']:.1%} of it at the most; expected ≤ "
        f"{result['growth_limit']:.0%}: {flat}."
    )
    return "\n".join([*rows, "", told, "", measured(result)])


def capture(result):
    gradient, steps = result["gradient"], result["step"]
    rows = ["| | milliseconds | beside |", "|---|--:|--:|"]
    ratio, limit = result["ratio"], result["limit"]
    beside = {"gradient": "1", "capture": f"{ratio:.2f} (≤ {limit}: {met(ratio <= limit)})"}
    for name, shown in beside.items():
        rows.append(f"| {name} | {median(gradient[name]):.2f} | {shown} |")
    adam = median(steps["adam"])
    for name, found in steps.items():
        rows.append(f"| a step of {name} | {median(found):.2f} | {median(found) / adam:.2f} |")
    return "\n".join([*rows, "", measured(result)])


def matrix(result):
    steps, compiling = result["steps"], result["compiling"]["seconds"]
    planned = predicted(result["batch_size"])
    heads = ["at most", *steps, "as `plan` has it", *(f"compiling, {of}" for of in compiling)]
    rows = [f"| a step beside Adam's | {' | '.join(heads)} |", "|---|" + "--:|" * len(heads)]
    over = {of: {n: s / found["adam"] for n, s in found.items()} for of, found in compiling.items()}
    for name in next(iter(over.values())):
        limit = result["limits"].get(name)
        ratios = [found["ratio"][name] for found in steps.values()]
        cells = [
            "" if limit is None else f"{limit:g}: {met(max(ratios) <= limit)}",
            *(f"{ratio:.2f}" for ratio in ratios),
            f"{planned[name]:.2f}" if name in planned else "",
            *(f"{found[name]:.1f}" for found in over.values()),
        ]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    highest = max(ratio for found in over.values() for ratio in found.values())
    limit = result["limit_of_compiling"]
    adam = ", ".join(f"{found['milliseconds']['adam']:.0f}" for found in steps.values())
    of = (
        f"Adam's step: {adam} ms. Compiling an update of {result['compiling']['leaves']} leaves, "
        f"over Adam's: expected ≤ {limit:g}: {met(highest <= limit)}."
    )
    return "\n".join([*rows, "", of, "", measured(result)])


def matrix_losses(result):
    rows = ["| | test loss (rate) | over Adam's |", "|---|--:|--:|"]
    losses = result["losses"]
    for name, found in losses.items():
        share = found["test_loss"] / losses["adam"]["test_loss"]
        rows.append(
            f"| {name} | {found['test_loss']:.5f} ({found['learning_rate']:g}) | {share:.2f} |"
        )
    return "\n".join([*rows, "", measured(result)])


MEMORY = {
    "saving": ("saving a state", "the state"),
    "restoring": ("restoring one", "the state"),
    "verifying": ("verifying what is saved", "the state"),
    "loading": ("loading MNIST, which stays bytes", "its images in float32"),
    "moving": ("moving it to the device, a CPU", "its images in float32"),
    "values": ("its training images as values", "these"),
    "dividing": ("dividing an array of float32 into three", "the array"),
    "fitting": ("loading MNIST, compiling, an epoch of `fit`", "its images in float32"),
    "training": ("`fit` with Adam, from the start", "the parameters"),
    "evaluating": ("evaluating a convolutional model", "a GiB"),
}


def memory(result):
    rows = ["| | MB | beside | times it | expected | met |", "|---|--:|---|--:|--:|---|"]
    for name, found in result.get("found", {}).items():
        what, unit = MEMORY[name]
        most, limit = found["peaks"][-1], found["limit"]
        times = most / found["unit"]
        of = f"{unit}, {found['unit'] / 1e6:.0f} MB"
        cells = [what, f"{most / 1e6:.0f}", of, f"{times:.2f}", f"≤ {limit}", met(times <= limit)]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([*rows, *skipped(result, {}), "", measured(result)])


TABLES = {
    "trainer": trainer,
    "update": update,
    "leaves": leaves,
    "tracing": tracing,
    "adam": adam,
    "comparison": comparison,
    "keeping": keeping,
    "streaming": streaming,
    "capture": capture,
    "matrix": matrix,
    "matrix_losses": matrix_losses,
    "memory": memory,
}
