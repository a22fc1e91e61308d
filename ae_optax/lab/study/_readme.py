"""What a program writes into a page that people write."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ae_optax.lab import runs


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table: the first column on the left, the others on the right."""
    rule = ["---", *["--:"] * (len(heads) - 1)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in (heads, rule, *rows))


def write_blocks(readme: Path, blocks: Mapping[str, str]) -> None:
    """Put each block between its markers, ``<!-- NAME: written by ... -->`` and ``<!-- end -->``.

    Raises:
        ValueError: If the page lacks the markers of a block.
    """
    text = readme.read_text(encoding="utf-8")
    for name, block in blocks.items():
        pattern = rf"(<!-- {re.escape(name)}: written by [^>]* -->\n).*?(<!-- end -->)"
        text, found = re.subn(pattern, lambda m: m[1] + block + "\n" + m[2], text, flags=re.DOTALL)  # noqa: B023
        if not found:
            raise ValueError(
                f"{readme}: must hold `<!-- {name}: written by run.py -->` and `<!-- end -->`, "
                "between which the block goes; it does not."
            )
    runs.write_file(readme, text)
