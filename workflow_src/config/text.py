"""The text of a preset: its keys and values, and the comments that say where each number comes from."""

from pathlib import Path
from typing import Any

import yaml

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
    try:
        config = yaml.load(file.read_text(encoding="utf-8"), Loader=_Loader)
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror}); give an existing preset") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}: " if mark else ""
        raise UserError(f"{file}: {where}{getattr(error, 'problem', error)}; mend the YAML") from None
    except UserError as error:
        raise UserError(f"{file}: {error}") from None
    if not isinstance(config, dict):
        raise UserError(f"{file}: holds no keys; write a preset as in config/README.md")
    return config


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, of which YAML would silently keep the last."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    keys = [loader.construct_object(name) for name, _ in node.value]
    for position, key in enumerate(keys):
        if key in keys[:position]:
            raise UserError(f"line {node.value[position][0].start_mark.line + 1}: {key}: stands twice; remove one")
    return loader.construct_mapping(node, deep=True)


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
