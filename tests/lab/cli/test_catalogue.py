"""``list`` and ``explain``: every public name, in plain text."""

import inspect
import re

import pytest

from ae_optax.lab.cli._catalogue import explain, list_names
from ae_optax.lab.cli._plain_text import (
    FUNCTIONS,
    MATH,
    MATH_BLOCK,
    first_sentence,
    plain_formula,
    plain_text,
)
from ae_optax.lab.config import catalogue, kinds

KINDS = ["optimizers", "transforms", "schedules", "models", "losses", "data"]
KINDS += ["statistics", "bases", "roots", "refreshes", "views", "draws"]
KINDS += ["compat.torch", "compat.keras", "sections"]
OWN = sorted({name for group in catalogue().values() for name in group})


@pytest.mark.parametrize(
    ("tex", "text"),
    [
        (r"\rho \in [0, 1)", "ρ ∈ [0, 1)"),
        (r"\nu_t &= \rho\, \nu_{t-1} + (1 - \rho)\, g_t^2 \\ u", "νₜ = ρ νₜ₋₁ + (1 - ρ) gₜ²\nu"),
        (r"\frac{\hat m_t}{\sqrt{\hat v_t} + \epsilon}", "m̂ₜ/(√v̂ₜ + ε)"),
        (r"\frac12", "1/2"),
        (r"\frac{a + b}{c}", "(a + b)/c"),
        (r"\sqrt{g + \epsilon}", "√(g + ε)"),
        (r"\left\lVert x \right\rVert_2", "‖ x ‖₂"),
        (r"e^{-\lambda t}", "e^(-λ t)"),
        (r"x_{\text{max}}", "xₘₐₓ"),
        (r"\max_q", "max_q"),
        (r"\mathrm{RMS}(g)", "RMS(g)"),
        (r"\begin{cases} a & b \\ c & d \end{cases}", "{ a b ; c d }"),
        (r"\Delta \unheard{x}", "Δ unheardx"),
        (r"1 + \cos \frac{\pi t}{T} - 1", "1 + cos((π t)/T) - 1"),
        (r"(1 + \cos \pi \tfrac{t - r}{T})", "(1 + cos(π (t - r)/T))"),
        (r"\rho \log \frac{\rho}{\hat\rho} + b", "ρ log(ρ/ρ̂) + b"),
        (r"\log_{10} \frac{1}{d} \sum_i x_i", "log₁₀(1/d ∑ᵢ xᵢ)"),
        (r"\min\!\left(a, \frac{b}{c}\right)", "min(a, b/c)"),
        (r"\exp(-\frac{a}{b})", "exp(-a/b)"),
        (r"\log \sigma_j^2 - \frac12", "log σⱼ² - 1/2"),
        (r"\cos", "cos"),
        (r"\frac{a", "a/()"),
        (r"\sqrt", "√()"),
        ("", ""),
    ],
)
def test_a_formula_becomes_plain_text(tex, text):
    assert plain_formula(tex) == text


DOCSTRING = r"""Step by :math:`\eta`. The rest
    of it.

    .. math::

        u &= \eta\, g \\
        v &= u^2

    See :func:`~ae_optax.transforms.chain` and ``x``:

    .. code-block:: python

        chain(a, b)

    References:
        Kingma and Ba, `Adam
        <https://arxiv.org/abs/1412.6980>`_, 2015.
    """


def test_a_docstring_becomes_plain_text():
    assert plain_text(DOCSTRING).splitlines() == [
        "Step by η. The rest",
        "of it.",
        "",
        "    u = η g",
        "    v = u²",
        "",
        "See chain and `x`:",
        "",
        "    chain(a, b)",
        "",
        "References:",
        "    Kingma and Ba, Adam",
        "    <https://arxiv.org/abs/1412.6980>, 2015.",
    ]
    assert first_sentence(DOCSTRING) == "Step by η"
    assert first_sentence("Use 0.5 of it") == "Use 0.5 of it"


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_lists_its_names_in_columns(kind):
    lines = list_names(kind).splitlines()
    names = [line.split()[0] for line in lines]
    known = catalogue().get(kind, names)
    assert set(names) <= set(known)
    assert names == sorted(names)
    assert len({re.match(r"\S+\s+", line)[0].__len__() for line in lines}) == 1


def test_all_kinds_are_listed_by_default():
    text = list_names()
    assert [line for line in text.splitlines() if line in KINDS] == KINDS
    assert "\n  adam " in text
    assert "optax.lamb" in text
    assert "\n  compat.torch.adam " in text
    assert "\n  compat.keras.cosine_decay " in text


def test_every_kind_is_documented():
    told = re.findall(r'``"(.*?)"``', inspect.getdoc(list_names) or "")
    assert told == [*catalogue(), "sections"]


def test_an_unknown_kind_is_refused_with_the_nearest():
    with pytest.raises(ValueError, match=r"unknown kind 'optimiser'. Did you mean 'optimizers'\?"):
        list_names("optimiser")


SECTIONS = ["training", "training.mesh", "checkpoints", "sweep", "sweep.search", "compare"]
PARTS = ["read", "describe", "training.fit", "load_run", "Settings"]


@pytest.mark.parametrize(
    "name", [*OWN, *SECTIONS, *PARTS, "optax.lamb", "optax.cosine_decay_schedule"]
)
def test_an_explanation_is_plain_text(name):
    text = explain(name)
    assert text.startswith(f"{name}(")
    assert re.search(r"\nCode: \S+\.py, line \d+$", text)
    assert not re.search(r"\\[a-z]|:[a-z]+:`|`_|``|\n *\.\. [a-z]|\{\}", text)


def test_every_command_of_our_formulas_is_known():
    """What is not keeps its name, as a power of "top" where a matrix is transposed."""
    functions = [pair for kind in kinds().values() for pair in kind.functions.items()]
    ours = [f.__doc__ or "" for name, f in functions if not name.startswith("optax.")]
    docs = [inspect.cleandoc(doc) + "\n" for doc in ours]
    found = [m for doc in docs for kind in (MATH, MATH_BLOCK) for m in kind.finditer(doc)]
    tex = " ".join(part for match in found for part in match.groups())
    commands = set(re.findall(r"\\([A-Za-z]+)", tex))
    assert commands >= {"frac", "top", "max"}
    kept = {c for c in commands if plain_formula(rf"\{c}{{x}}").startswith(c)}
    assert kept <= FUNCTIONS


def test_a_transposed_matrix_is_no_power():
    assert plain_formula(r"Q_L^\top G\, Q_R \otimes A^{-\top}") == "Q_Lᵀ G Q_R ⊗ A⁻ᵀ"


def test_an_explanation_has_signature_formula_and_source():
    text = explain("adam")
    assert text.startswith("adam(learning_rate, *, b1=0.9, b2=0.999, eps=1e-08")
    assert "θₜ = θₜ₋₁ - ηₜ" in text
    assert "arxiv.org/abs/1412.6980" in text
    assert "Code: ae_optax/optimizers/_adam.py, line " in text


def test_a_section_is_explained_with_what_it_inherits():
    text = explain("training")
    assert "precision: In which numbers the model computes" in text
    assert "batch_size: Images a step, at least 1" in text


def test_a_word_of_a_config_and_of_python_is_explained_as_both():
    text = explain("compare")
    assert "Kind: section of a config" in text
    assert "\n\n\ncompare(" in text
    assert "Kind: Python" in text


@pytest.mark.parametrize(
    ("name", "nearest"),
    [
        ("trianing", "training"),
        ("adma", "adam"),
        ("optax.lmab", "optax.lamb"),
        ("compat.torch.adma", "compat.torch.adam"),
        ("compat.keras.cosin_decay", "compat.keras.cosine_decay"),
    ],
)
def test_an_unknown_name_is_refused_with_the_nearest(name, nearest):
    with pytest.raises(ValueError, match=rf"unknown name '{name}'. Did you mean '{nearest}'\?"):
        explain(name)


def test_a_function_of_ones_own_is_explained_from_its_file(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text('def make(rate: float):\n    """Make one of mine."""\n')
    text = explain(f"{file}:make")
    assert text.splitlines()[:3] == [f"{file}:make(rate)", "", "Make one of mine."]
    assert text.endswith(f"Code: {file}, line 1")


def test_a_class_of_ones_own_is_explained_as_a_config_binds_it(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.py").write_text(
        "from flax import nnx\n\n"
        "class Net(nnx.Module):\n"
        "    def __init__(self, width: int, inputs: int = 64, *, rngs: nnx.Rngs):\n"
        "        pass\n"
    )
    text = explain("./mine.py:Net")
    assert text.splitlines()[:3] == ["./mine.py:Net(*, width, inputs=64)", "", "No documentation."]
    assert text.endswith("mine.py, line 3")
