"""Imports point down, the library stands alone, and every public name is listed and explained."""

import ast
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import ae_optax
from ae_optax import optimizers

ROOT = Path(ae_optax.__file__).parent
HELPERS = {
    "_checks",
    "_due",
    "_equations",
    "_leafwise",
    "_matrices",
    "_numbers",
    "_piece",
    "_time",
    "_transformation",
    "_trees",
    "_types",
    "_values",
}
LIBRARY = HELPERS | {"capturing", "compat", "observing", "optimizers", "schedules", "transforms"}
TASK = {f"lab.{part}" for part in ("corruptions", "data", "losses", "metrics", "models")}
LABORATORY = TASK | {
    "lab.checkpoints",
    "lab.comparison",
    "lab.config",
    "lab.figures",
    "lab.landscapes",
    "lab.plans",
    "lab.report",
    "lab.runs",
    "lab.sweeps",
    "lab.trained",
    "lab.training",
}

# What each part may import, itself aside. The library knows nothing of the laboratory.
LAYERS = {
    "_renamed": set(),
    "_types": set(),
    "_piece": {"_checks"},
    "_matrices": {"_numbers", "_types"},
    "_checks": set(),
    "_due": {"_matrices"},
    "_equations": set(),
    "_transformation": {"_checks"},
    "_leafwise": {"_checks", "_numbers", "_trees", "_types"},
    "_numbers": {"_checks", "_types"},
    "_time": {"_checks", "_numbers"},
    "_trees": {"_numbers", "_types"},
    "_values": {"_checks", "_numbers"},
    "transforms": HELPERS,
    "optimizers": HELPERS | {"transforms"},
    "schedules": HELPERS,
    "observing": HELPERS | {"capturing", "optimizers", "transforms"},
    "capturing": HELPERS,
    "compat": HELPERS | {"optimizers", "schedules", "transforms"},
    "__init__": LIBRARY | {"lab"},
    "__main__": {"lab.cli"},
    "lab": LABORATORY | {"lab.cli", "lab.study"},
    "lab._processes": set(),
    "lab._workers": set(),
    "lab._environment": set(),
    "lab._lifeline": set(),
    "lab._format": set(),
    "lab._seeds": set(),
    "lab.landscapes": HELPERS | {"observing"},
    "lab.data": HELPERS | {"lab.runs"},
    "lab.models": HELPERS,
    "lab.corruptions": HELPERS,
    "lab.losses": HELPERS | {"transforms", "lab.models"},
    "lab.metrics": HELPERS | {"lab.data", "lab.losses", "lab.models"},
    "lab.runs": set(),
    "lab.checkpoints": HELPERS | {"lab._processes"},
    "lab.training": LIBRARY
    | TASK
    | {"lab._environment", "lab._processes", "lab.checkpoints", "lab.figures", "lab.runs"},
    # The language reads every namespace and knows functions, not experiments.
    "lab.config": LIBRARY | TASK | {"_renamed"},
    "lab.plans": HELPERS | {"transforms", "lab.config", "lab.data", "lab.models", "lab.training"},
    "lab.sweeps": LIBRARY
    | TASK
    | {"lab._environment", "lab._lifeline", "lab._workers"}
    | {"lab.checkpoints", "lab.config", "lab.plans", "lab.runs", "lab.training"},
    "lab.comparison": (
        LIBRARY
        | TASK
        | {"lab._format", "lab._seeds", "lab.plans", "lab.runs", "lab.sweeps", "lab.training"}
    ),
    "lab.trained": LIBRARY
    | TASK
    | {"lab.checkpoints", "lab.config", "lab.plans", "lab.runs", "lab.training"},
    "lab.figures": {"lab._format"},
    "lab.report": {"lab._format", "lab._seeds", "lab.figures", "lab.runs"},  # It reads files only.
    # It explains every name, so it reads the list of all packages.
    "lab.cli": LIBRARY
    | LABORATORY
    | {"__init__", "lab", "lab._environment", "lab._lifeline", "lab._processes", "lab._workers"},
    "lab.study": LIBRARY | LABORATORY | {"lab._environment", "lab.cli"},
}

# What of other projects. A part that is not listed here may import all that are installed.
NUMERICS = {"jax", "numpy", "optax"}
THIRD_PARTIES = {
    **dict.fromkeys(LIBRARY | {"__init__"}, NUMERICS),
    "__main__": set(),
    "lab": set(),
    **dict.fromkeys((f"lab.{part}" for part in ("corruptions", "landscapes")), NUMERICS),
    **dict.fromkeys((f"lab.{part}" for part in ("losses", "metrics")), NUMERICS),
    "lab.models": NUMERICS | {"flax"},
    "lab.checkpoints": NUMERICS | {"orbax"},
    "lab.data": {"numpy"},
    "lab.runs": {"numpy"},
    "lab.figures": {"matplotlib", "numpy"},
    "lab.report": {"matplotlib", "numpy", "rich", "tensorboardX"},
}


def part_of(path):
    """Return the part of the package that a file belongs to."""
    return own_part(".".join(("ae_optax", *path.relative_to(ROOT).with_suffix("").parts)))


def imports(path):
    """Return (line, dotted name) of everything that a file imports, at any depth."""
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            node.body = []  # For the type checker alone.
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"


def own_part(name):
    """Return the part of the package that a dotted name belongs to."""
    words = name.split(".")[1:]
    part = ".".join(words[: 2 if words[0] == "lab" else 1])
    # Else it is a name that the package, or the laboratory, itself exports.
    return part if part in LAYERS else "lab" if words[0] == "lab" else "__init__"


FILES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("part", sorted({part_of(path) for path in FILES}))
def test_imports_point_down(part):
    upward = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in FILES
        if part_of(path) == part
        for line, name in imports(path)
        if name.split(".")[0] == "ae_optax" and own_part(name) not in LAYERS[part] | {part}
    ]
    assert not upward


@pytest.mark.parametrize("part", sorted(THIRD_PARTIES))
def test_no_part_needs_more_than_its_own_dependencies(part):
    foreign = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in FILES
        if part_of(path) == part
        for line, name in imports(path)
        if name.split(".")[0] not in THIRD_PARTIES[part] | sys.stdlib_module_names | {"ae_optax"}
    ]
    assert not foreign


def test_no_underscore_module_of_another_project_is_imported():
    private = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in FILES
        for line, name in imports(path)
        if not name.startswith(("ae_optax.", "__future__"))
        and any(word.startswith("_") for word in name.split("."))
    ]
    assert not private


def test_private_modules_are_imported_within_their_package_only():
    foreign = []
    for path in FILES:
        here = ".".join((ROOT.name, *path.relative_to(ROOT).parent.parts))
        for line, name in imports(path):
            owner = re.match(r"ae_optax[.a-z]*(?=\._[a-z])", name)
            if owner and not f"{here}.".startswith(f"{owner[0]}."):
                foreign.append(f"{path.relative_to(ROOT)}:{line}: {name}")
    assert not foreign


def test_nothing_reads_pickles():
    """They are programs, and what is read can come from elsewhere."""
    programs = ("cloudpickle", "dill", "marshal", "pickle", "shelve")
    assert not [
        f"{path.relative_to(ROOT)}:{line}"
        for path in FILES
        for line, name in imports(path)
        if name.split(".")[0] in programs
    ]


def test_the_library_loads_neither_flax_nor_plotting_nor_configuration():
    program = """
import sys
import ae_optax, ae_optax.transforms, ae_optax.optimizers, ae_optax.schedules
heavy = {"flax", "orbax", "matplotlib", "rich", "yaml", "torch", "pandas"}
print(sorted(heavy & {name.split(".")[0] for name in sys.modules}))
print(sorted(name for name in sys.modules if name.startswith("ae_optax.") and name.count(".") == 1))
"""
    result = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT.parent,
    )
    heavy, loaded = result.stdout.splitlines()
    assert heavy == "[]"
    # The rules of other frameworks are there for those who ask.
    assert set(ast.literal_eval(loaded)) == {f"ae_optax.{part}" for part in LIBRARY - {"compat"}}


# Public names.

PACKAGES = ["ae_optax", "ae_optax.optimizers", "ae_optax.schedules", "ae_optax.transforms"]


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_listed_in_order_and_listed_completely(package):
    module = importlib.import_module(package)
    assert list(module.__all__) == sorted(set(module.__all__))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(ast.parse(Path(module.__file__).read_text()))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ae_optax")
        for alias in node.names
    }
    assert set(module.__all__) == imported


def test_every_optimizer_and_every_transformation_function_is_at_the_top():
    functions = {name for name in ae_optax.transforms.__all__ if name[0].islower()}
    assert functions | set(optimizers.__all__) <= set(ae_optax.__all__)


def test_every_package_is_reachable_after_one_import():
    program = """
import ae_optax
assert set(ae_optax.__all__) <= set(dir(ae_optax))
assert set(ae_optax.lab.__all__) <= set(dir(ae_optax.lab))
print(sorted(name for name in ae_optax.lab.__all__ if getattr(ae_optax.lab, name)))
"""
    found = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    folders = {path.parent.name for path in (ROOT / "lab").glob("*/__init__.py")}
    assert set(ast.literal_eval(found.stdout)) == folders | {"load"}


def test_the_command_without_the_laboratory_tells_what_to_install():
    program = """
import sys
sys.modules["yaml"] = sys.modules["rich"] = None
from ae_optax.__main__ import main
sys.argv = ["ae-optax", "list"]
sys.exit(main())
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        "ae-optax: the laboratory needs rich, yaml, not installed here: "
        'pip install "ae_optax[lab]".\n'
    )


def test_an_unknown_name_is_an_ordinary_attribute_error():
    with pytest.raises(AttributeError, match="module 'ae_optax' has no attribute 'adamm'"):
        ae_optax.adamm  # noqa: B018


PUBLIC = [
    pytest.param(getattr(importlib.import_module(package), name), id=f"{package}.{name}")
    for package in PACKAGES[1:]
    for name in importlib.import_module(package).__all__
]


@pytest.mark.parametrize("public", PUBLIC)
def test_every_public_name_is_explained(public):
    doc = inspect.getdoc(public)
    assert doc
    assert doc.splitlines()[0].endswith((".", ":"))
    if inspect.isclass(public):
        plain = issubclass(public, Exception) or not inspect.get_annotations(public)
        assert plain or "Attributes:" in doc
        return
    sections = [doc.find(f"\n{name}:\n") for name in ("Args", "Returns", "Raises", "References")]
    present = [at for at in sections if at >= 0]
    assert present == sorted(present)
    assert sections[1] in present
    for name in inspect.signature(public).parameters:
        assert f"\n    {name}: " in doc or f"\n    *{name}: " in doc, name


@pytest.mark.parametrize("name", optimizers.__all__)
def test_every_optimizer_names_its_source_and_its_formula(name):
    doc = inspect.getdoc(getattr(optimizers, name))
    assert "\nReferences:\n" in doc
    assert "<https://" in doc
    assert ".. math::" in doc
