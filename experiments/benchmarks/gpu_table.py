"""The table of the GPU's page, from its results."""

from table_parts import measured


def table(results):
    """Return one table of all sections, and what each ran on."""
    if not results:
        return "Not measured yet."
    rows = ["| | | |", "|---|---|---|"]
    for section, result in results.items():
        for name, numbers in result["found"].items():
            shown = ", ".join(f"{_shown(value)} {unit}" for unit, value in numbers.items())
            rows.append(f"| {section} | {name} | {shown} |")
    cards = sorted({result["device"] for result in results.values()})
    last = list(results.values())[-1]
    return "\n".join([*rows, "", f"On {' and '.join(cards)}.", "", measured(last)])


def _shown(value):
    return value if isinstance(value, str) else f"{value:.4g}"
