"""Configs written as YAML that reads the same under YAML 1.1 and 1.2."""

import re

import yaml

from ae_optax.lab.config._comparison import ComparisonConfig
from ae_optax.lab.config._schema import RunConfig, SweepConfig
from ae_optax.lab.config._yaml import FLOAT, INTEGER


class _Dumper(yaml.SafeDumper):
    """Quotes text that either version would read as a number, and writes no anchors."""

    def ignore_aliases(self, data: object) -> bool:
        """Write everything out."""
        del data
        return True

    def text(self, data: str) -> yaml.ScalarNode:
        """Escape what is not printable: PyYAML writes some line breaks as they are."""
        style = None if data.isprintable() else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_Dumper.add_representer(str, _Dumper.text)
for _tag, _pattern in (("float", FLOAT), ("int", INTEGER)):
    _Dumper.add_implicit_resolver(
        f"tag:yaml.org,2002:{_tag}",
        re.compile(f"(?:{_pattern.pattern})\\Z"),
        list("-+.0123456789"),
    )


def dump(config: RunConfig | ComparisonConfig | SweepConfig) -> str:
    """Return the config as YAML, every default written; loading it gives the same config."""
    return yaml.dump(
        config.plain(),
        Dumper=_Dumper,
        sort_keys=False,
        default_flow_style=None,
        allow_unicode=True,
        width=100,
    )
