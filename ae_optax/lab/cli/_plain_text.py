"""Docstrings for a terminal: reStructuredText and TeX in, plain text in Unicode out."""

import inspect
import itertools
import re
import textwrap
import unicodedata

MATH_BLOCK = re.compile(r"^( *)\.\. math::[ ]*(.*)\n((?:\1 +.*\n|[ ]*\n)*)", re.MULTILINE)
CODE_BLOCK = re.compile(r"^ *\.\. (?:code-block|doctest|code)::.*\n", re.MULTILINE)
ADMONITION = re.compile(r"^( *)\.\. (note|warning|seealso)::", re.MULTILINE)
MATH = re.compile(r":math:`([^`]+)`")
LINK = re.compile(r"`([^`<]+?)(\s*)<([^>`]+)>`__?")
ROLE = re.compile(r":[a-z:]+:`~?([^`]+)`")
CODE = re.compile(r"``([^`]+)``")

TOKEN = re.compile(r"\\[A-Za-z]+\*?|\\.|\s+|.", re.DOTALL)

SYMBOLS = {
    "lambda": "λ",
    "varepsilon": "ε",
    "varphi": "φ",
    "approx": "≈",
    "cdot": "·",
    "circ": "∘",
    "dots": "…",
    "ell": "ℓ",
    "equiv": "≡",
    "ge": "≥",
    "geq": "≥",
    "gets": "←",
    "in": "∈",
    "infty": "∞",
    "int": "∫",
    "ldots": "…",
    "le": "≤",
    "leftarrow": "←",
    "leq": "≤",
    "lVert": "‖",
    "langle": "⟨",
    "lceil": "⌈",
    "lfloor": "⌊",
    "ll": "≪",
    "lvert": "|",
    "mid": "|",
    "nabla": "∇",
    "ne": "≠",
    "neq": "≠",
    "odot": "⊙",
    "otimes": "⊗",
    "partial": "∂",
    "pm": "±",
    "prod": "∏",
    "propto": "∝",
    "quad": "  ",
    "qquad": "    ",
    "rVert": "‖",
    "rangle": "⟩",
    "rceil": "⌉",
    "rfloor": "⌋",
    "rightarrow": "→",
    "rvert": "|",
    "sim": "~",
    "sum": "∑",
    "times": "×",
    "to": "→",
    "top": "T",
}
ACCENTS = {
    "hat": "\u0302",
    "bar": "\u0304",
    "overline": "\u0304",
    "tilde": "\u0303",
    "dot": "\u0307",
}
SIZES = {"left", "right", "big", "bigl", "bigr", "Big", "Bigl", "Bigr", "displaystyle", "limits"}
ESCAPES = {",": " ", ";": " ", ":": " ", " ": " ", "!": "", "\\": "\n", "|": "‖"}
UP = str.maketrans(
    "0123456789+-=()abcdefghijklmnoprstuvwxyzT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀ"
)
DOWN = str.maketrans("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
ROW_END = "\\\\"
FRACTIONS = {"frac", "tfrac", "dfrac"}
FUNCTIONS = {
    "arccos",
    "arg",
    "bmod",
    "cos",
    "det",
    "dim",
    "exp",
    "ln",
    "log",
    "max",
    "min",
    "operatorname",
    "sin",
    "tanh",
}
OPENING, CLOSING = set("([") | {"\\left", "\\{", "\\lvert", "\\lVert"}, set(")]}") | {"\\right"}
ENDS = set("+-=,;<>") | {"\\\\", "\\cdot", "\\odot", "\\times", "\\le", "\\ge", "\\quad", "\\qquad"}
"""What ends the argument of a function that has no brackets."""
WORDS = {
    "text",
    "mathrm",
    "operatorname",
    "mathbf",
    "mathbb",
    "mathit",
    "boldsymbol",
    "mathcal",
    "texttt",
}
CASES = re.compile(r"\\begin\{cases\}(.*?)\\end\{cases\}", re.DOTALL)


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


def plain_formula(tex: str) -> str:
    r"""Return a formula in plain text: ``\frac{a}{b^2}`` becomes ``a/b²``.

    What has no symbol keeps its name, so that any formula stays readable.
    """
    tex = CASES.sub(lambda m: rf"\{{ {m[1].replace(ROW_END, ';').replace('&', ' ')} \}}", tex)
    text = _sequence([t for t in TOKEN.findall(tex) if t != "&"], stop=None)
    lines = (re.sub(r"(?<=\S) {2,3}(?=\S)", " ", line.strip()) for line in text.split("\n"))
    return "\n".join(filter(None, lines))


def _sequence(tokens: list[str], stop: str | None) -> str:
    parts = []
    while tokens:
        token = tokens.pop(0)
        if token == stop:
            break
        parts.append(_meaning(token, tokens))
    return "".join(parts)


def _meaning(token: str, tokens: list[str]) -> str:
    if token == "{":
        return _sequence(tokens, "}")
    if token in ("^", "_"):
        return _script(_argument(tokens), token)
    if token.isspace() or token == "~":
        return " "
    if token[0] != "\\" or token == "\\":
        return token
    name = token[1:]
    return _command(name, tokens) if name[0].isalpha() else ESCAPES.get(name, name)


def _command(name: str, tokens: list[str]) -> str:
    if name in FUNCTIONS:
        return _applied(_argument(tokens) if name == "operatorname" else name, tokens)
    if name in FRACTIONS:
        above, below = _argument(tokens), _argument(tokens)
        return f"{_group(above)}/{_group(below)}"
    if name == "sqrt":
        return f"√{_group(_argument(tokens))}"
    if name in ACCENTS:
        inner = _argument(tokens)
        return inner + ACCENTS[name] if len(inner) == 1 else f"{name}({inner})"
    if name in SIZES:
        return ""
    if name in WORDS:
        return _argument(tokens)
    if name in ("begin", "end"):
        _argument(tokens)
        return ""
    return SYMBOLS.get(name) or _greek(name)


def _applied(name, tokens):
    r"""Return a function with its argument if that must be in brackets, as a fraction must.

    ``\cos \frac{a}{b}`` is ``cos(a/b)``, for ``cos a/b`` is something else.
    """
    while tokens and tokens[0] in ("^", "_"):
        name += _meaning(tokens.pop(0), tokens)
    own = _argument_of_function(tokens)
    depths = itertools.accumulate((t == "{") - (t == "}") for t in own)
    fraction = any(t[1:] in FRACTIONS and not depth for t, depth in zip(own, depths, strict=True))
    first = next((t for t in own if not t.isspace() and t != "\\!"), "")
    if not fraction or first in OPENING:
        return name  # What follows is written as it stands.
    del tokens[: len(own)]
    inner = _sequence(own, stop=None)
    return f"{name}({inner.strip()}){' ' * inner.endswith(' ')}"


def _argument_of_function(tokens):
    depth = 0
    for number, token in enumerate(tokens):
        if not depth and (token in ENDS or token in CLOSING):
            return tokens[:number]
        depth += (token in OPENING or token == "{") - (token in CLOSING)
    return tokens[:]


def _greek(name):
    size = "CAPITAL" if name[0].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {size} LETTER {name.upper()}")
    except KeyError:
        return name


def _argument(tokens: list[str]) -> str:
    while tokens and tokens[0].isspace():
        tokens.pop(0)
    return _meaning(tokens.pop(0), tokens).strip() if tokens else ""


def _script(text, sign):
    table = UP if sign == "^" else DOWN
    if text and all(ord(c) in table for c in text):
        return text.translate(table)
    return f"{sign}{_group(text)}"


def _group(text):
    simple = re.fullmatch(r"[^\s+\-·/×=]+|\([^()]*\)", text)
    return text if simple else f"({text})"
