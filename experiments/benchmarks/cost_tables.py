"""The tables of what an update costs."""

from table_parts import measured, met, skipped, spread

WALL_TIME_LIMIT = 1.05
# Numerators and second moments are kept finite, which Optax's are not: XLA compiles more for it.
TRACING_LIMITS = {"trace": 1.0, "compile": 1.35, "uncompiled": 1.0}
# Scalars (a count, a rate) are a few bytes in four million numbers.
SAME_PASSES = 0.01

LEAVES = {
    "ours": "`ae_optax.adam`",
    "ours_flat": "**`ae_optax.flatten(ae_optax.adam)`**",
    "optax": "`optax.adam`",
    "optax_in_flat": "`ae_optax.flatten(optax.adam)`",
    "optax_flat": "`optax.flatten(optax.adam)`",
}

ADAM = {
    "composed": "**`ae_optax.adam`**",
    "torch_fused": "`torch.optim.Adam(fused=True)`",
    "torch_foreach": "`torch.optim.Adam(foreach=True)`",
    "optax_adam": "`optax.adam`",
    "by_hand": "one function of a coordinate, by hand",
    "one_leaf": "`ae_optax.adam`, all in one leaf",
    "moments_in_one_array": "both moments in one array",
    "moments_first": "a barrier between moments and step",
    "recomputed": "moments computed again for the step",
    "recomputed_composed": "`ae_optax.adam`, update computed again for the state",
    "loop_over_blocks": "`fori_loop` over blocks of 64 KiB",
    "loop_over_pairs": "`fori_loop` over two blocks at a time",
    "scan_over_blocks": "`scan` over blocks",
}


def update(result):
    rows = [
        (
            "| | passes | least | by hand | Optax | ms | by hand | Optax "
            "| ours / by hand (quartiles) | ours / Optax (quartiles) | met |"
        ),
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for name, found in result["rules"].items():
        passes, times = found["passes"], found.get("milliseconds", {})
        ratios = found.get("ratio", {})
        cells = [_number(passes.get(who)) for who in ("ours", "least", "by_hand", "optax")]
        cells += [_number(times.get(who)) for who in ("ours", "by_hand", "optax")]
        cells += [_quartiles(ratios.get(who)) for who in ("by_hand", "optax")]
        others = [
            passes["ours"] <= passes[who] + SAME_PASSES and ratio["median"] <= WALL_TIME_LIMIT
            for who, ratio in ratios.items()
        ]
        cells.append(met(all(others)) if others else "")
        rows.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join([*rows, "", measured(result)])


def leaves(result):
    rows = [
        (
            "| | trace, s | compile, s | step, ms | trace / Optax | compile / Optax | step / Optax "
            "| same bits |"
        ),
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    digits = {"trace_seconds": 2, "compile_seconds": 2, "step_milliseconds": 2}
    for name, found in result["contenders"].items():
        cells = [spread(found[time]["spread"], digit) for time, digit in digits.items()]
        cells += [spread(found[time]["over_optax"], 2) for time in digits]
        cells.append("yes" if found["same_bits_as_unflattened"] else "no")
        rows.append(f"| {LEAVES[name]} | {' | '.join(cells)} |")
    return "\n".join([*rows, *skipped(result, LEAVES), "", measured(result)])


def tracing(result):
    rows = ["| | trace, s | compile, s | uncompiled, ms | trace / Optax | compile / Optax "]
    rows[0] += "| uncompiled / Optax | met |"
    rows.append("|---|--:|--:|--:|--:|--:|--:|---|")
    for name, found in result["rules"].items():
        ratios = {what: found[what]["ours"] / found[what]["optax"] for what in TRACING_LIMITS}
        cells = [f"{found[what]['ours']:.2f}" for what in ("trace", "compile")]
        cells.append(f"{1e3 * found['uncompiled']['ours']:.0f}")
        cells += [f"{ratio:.2f}" for ratio in ratios.values()]
        rounded = {what: round(ratio, 2) for what, ratio in ratios.items()}
        cells.append(met(all(rounded[what] <= most for what, most in TRACING_LIMITS.items())))
        rows.append(f"| `{name}` | {' | '.join(cells)} |")
    return "\n".join([*rows, "", measured(result)])


def adam(result):
    rows = [
        (
            "| | XLA | passes | ms | CPU ms | it / `ae_optax.adam` "
            "| it / PyTorch fused | same bits | difference |"
        ),
        "|---|---|--:|--:|--:|--:|--:|---|--:|",
    ]
    for name, found in result["contenders"].items():
        attempt, _, how = name.partition(":")
        torch = found["over_torch"]
        cells = [
            ADAM[attempt],
            how,
            _number(found["passes"]),
            spread(found["milliseconds"], 1),
            spread(found["processor_milliseconds"], 1),
            spread(found["over_composed"], 2),
            spread(torch, 2) if torch else "",
            "yes" if found["same_bits"] else "no",
            f"{found['largest_difference']:.0e}",
        ]
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join([*rows, *skipped(result, ADAM), "", measured(result)])


def _number(value):
    return "" if value is None else f"{value:.1f}"


def _quartiles(ratio):
    if ratio is None:
        return ""
    low, high = ratio["quartiles"]
    return f"{ratio['median']:.2f} ({low:.2f}–{high:.2f})"
