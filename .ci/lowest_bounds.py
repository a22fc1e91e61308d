"""Print the lowest versions that pyproject.toml admits, as constraints for pip."""

import re
import tomllib
from pathlib import Path

EXTRAS = ("lab", "test")

project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
extras = project["optional-dependencies"]
for requirement in (*project["dependencies"], *(r for extra in EXTRAS for r in extras[extra])):
    bound = re.fullmatch(r"([\w-]+)>=([\w.]+)", requirement)
    if bound:
        print("==".join(bound.groups()))
