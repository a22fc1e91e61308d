"""Docstrings for a terminal: reStructuredText in, plain text out."""

import inspect
import re
import textwrap

from ae_optax.lab.cli._tex import plain_formula

MATH_BLOCK = re.compile(r"^( *)\.\. math::[ ]*(.*)\n((?:\1 +.*\n|[ ]*\n)*)", re.MULTILINE)
CODE_BLOCK = re.compile(r"^ *\.\. (?:code-block|doctest|code)::.*\n", re.MULTILINE)
ADMONITION = re.compile(r"^( *)\.\. (note|warning|seealso)::", re.MULTILINE)
MATH = re.compile(r":math:`([^`]+)`")
LINK = re.compile(r"`([^`<]+?)(\s*)<([^>`]+)>`__?")
ROLE = re.compile(r":[a-z:]+:`~?([^`]+)`")
CODE = re.compile(r"``([^`]+)``")


def plain_text(docstring: str) -> str:
    """Return a docstring with its formulas, roles and links turned into plain text."""
    text = inspect.cleandoc(docstring) + "\n"
    text = MATH_BLOCK.sub(_block, text)
    text = ADMONITION.sub(lambda m: f"{m[1]}{m[2].capitalize()}:", CODE_BLOCK.sub("", text))
    text = MATH.sub(lambda m: plain_formula(m[1]).replace("\n", " "), text)
    text = LINK.sub(r"\1\2<\3>", text)
    text = ROLE.sub(lambda m: m[1].partition(" <")[0].rpartition(".")[2], text)
    text = CODE.sub(r"`\1`", text)
    return re.sub(r"\n{3,}", "\n\n", text).strip()


def first_sentence(docstring: str) -> str:
    """Return the first sentence of a docstring, on one line, without its full stop."""
    paragraph = " ".join(plain_text(docstring).partition("\n\n")[0].split())
    return re.split(r"(?<=[^.])\.(?:\s|$)", paragraph, maxsplit=1)[0]


def _block(match):
    formula = plain_formula(f"{match[2]}\n{textwrap.dedent(match[3])}")
    return textwrap.indent(formula, f"{match[1]}    ") + "\n\n"
