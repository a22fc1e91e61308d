"""Formulas for a terminal: TeX in, one line of Unicode out for every line."""

import re
import unicodedata

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
}
ACCENTS = {"hat": "\u0302", "bar": "\u0304", "tilde": "\u0303", "dot": "\u0307"}
SIZES = {"left", "right", "big", "bigl", "bigr", "Big", "Bigl", "Bigr", "displaystyle", "limits"}
ESCAPES = {",": " ", ";": " ", ":": " ", " ": " ", "!": "", "\\": "\n", "|": "‖"}
UP = str.maketrans(
    "0123456789+-=()abcdefghijklmnoprstuvwxyzT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ᵃᵇᶜᵈᵉᶠᵍʰⁱʲᵏˡᵐⁿᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀ"
)
DOWN = str.maketrans("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
ROW_END = "\\\\"
WORDS = {"text", "mathrm", "operatorname", "mathbf", "mathbb", "mathit", "boldsymbol", "mathcal"}
CASES = re.compile(r"\\begin\{cases\}(.*?)\\end\{cases\}", re.DOTALL)


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
    if name in ("frac", "tfrac", "dfrac"):
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
