"""The text of a preset: its keys and values, and the comments that say where each number comes from."""

from pathlib import Path
from typing import Any

import yaml

from workflow_src import documents
from workflow_src.errors import UserError


def sources(file: Path) -> dict[str, str]:
    """Where each number comes from: dotted key -> the comment on its line."""
    text = file.read_text(encoding="utf-8")
    lines = text.splitlines()
    found: dict[str, str] = {}

    def walk(node: yaml.Node, key: str) -> None:
        if isinstance(node, yaml.MappingNode):
            for name, value in node.value:
                inner = f"{key}.{name.value}" if key else name.value
                _, hash_sign, comment = lines[name.start_mark.line].partition("#")
                if hash_sign:
                    found[inner] = comment.strip()
                walk(value, inner)

    walk(yaml.compose(text, Loader=yaml.SafeLoader), "")
    return found


def read_yaml(file: Path) -> dict[str, Any]:
    """The keys and values of a preset file."""
    config = documents.read_yaml(file, otherwise="give an existing preset")
    if not isinstance(config, dict):
        raise UserError(f"{file}: holds no keys; write a preset as in config/README.md")
    return config
