"""How the reference is built: `sphinx-build -W .docs DIR`, from the docstrings alone."""

import importlib
import importlib.metadata
import inspect
from pathlib import Path

import latex2mathml.converter

project = "ae_optax"
copyright = "its authors"  # noqa: A001
release = importlib.metadata.version("ae_optax")
extensions = ["sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["formulas.css"]
html_title = f"ae_optax {release}"
autodoc_typehints = "none"
autodoc_member_order = "alphabetical"
napoleon_use_ivar = True

LIBRARY = {
    "ae_optax.optimizers": "Optimizers",
    "ae_optax.transforms": "Transformations",
    "ae_optax.schedules": "Schedules",
    "ae_optax.observing": "Seeing what an optimizer is and does",
    "ae_optax.capturing": "Seeing inside a model",
    "ae_optax.compat.torch": "The rules of PyTorch",
    "ae_optax.compat.keras": "The rules of Keras",
}


def packages():
    """Return the packages of the reference, each with its title."""
    laboratory = importlib.import_module("ae_optax.lab")
    rooms = [name for name in laboratory.__all__ if inspect.ismodule(getattr(laboratory, name))]
    return LIBRARY | {f"ae_optax.lab.{name}": f"Laboratory: {name}" for name in rooms}


def write_pages(app):
    """Write a page for every package: what its ``__all__`` lists, each name once."""
    folder = Path(app.srcdir) / "reference"
    folder.mkdir(exist_ok=True)
    for name, title in packages().items():
        module = importlib.import_module(name)
        lines = [title, "=" * len(title), "", f".. automodule:: {name}", "   :no-members:", ""]
        for public in getattr(module, "__all__", ()):
            found = getattr(module, public)
            if getattr(found, "__module__", name).startswith(name):  # Else it has its own page.
                lines += _entry(name, public, found)
        (folder / f"{name}.rst").write_text("\n".join(lines), encoding="utf-8")


def _entry(module, name, public):
    if inspect.ismodule(public):
        return []
    kind = "class" if inspect.isclass(public) else "function" if callable(public) else "data"
    members = ["   :members:"] if kind == "class" else []
    return [f".. auto{kind}:: {module}.{name}", *members, ""]


def visit_math(self, node):
    """Write a formula as MathML, which browsers draw without a script."""
    self.body.append(latex2mathml.converter.convert(node.astext()))
    raise _skip()


def visit_math_block(self, node):
    """Write a displayed formula; the lines of an alignment stand in a table of their own."""
    text = node.astext()
    if "\\\\" in text or "&" in text:
        text = rf"\begin{{split}}{text}\end{{split}}"
    self.body.append(latex2mathml.converter.convert(text, display="block"))
    raise _skip()


def _skip():
    from docutils import nodes

    return nodes.SkipNode()


def setup(app):
    """Register the pages and the formulas."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_math_block, None))
    app.connect("builder-inited", write_pages)


html_math_renderer = "mathml"
