"""Fingerprint of the code that a step runs: a hash over the syntax trees of all its modules.

Snakemake does not see edits of imported modules, and takes the new modification times of a fresh clone for edits.
Rules carry this hash as a parameter instead: it changes with the code and not with comments, docstrings, layout or
time stamps.
"""

import ast
import functools
import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "workflow_src"


@functools.cache
def fingerprint(*modules: str) -> str:
    """Hash of the named modules (`workflow_src.steps.train`) and of all project modules they reach by import."""
    digest = hashlib.sha256()
    for module in sorted(reached(*modules)):
        digest.update(f"{module}:{_tree_hash(module)}\n".encode())
    return digest.hexdigest()[:16]


def reached(*modules: str) -> set[str]:
    """The project modules that the given ones import, directly or not, and themselves."""
    found: set[str] = set()
    waiting = list(modules)
    while waiting:
        module = waiting.pop()
        if module in found or _path(module) is None:
            continue
        found.add(module)
        waiting.extend(_imports(module))
    return found


def _path(module: str) -> Path | None:
    base = ROOT.joinpath(*module.split("."))
    for path in (base.with_suffix(".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


@functools.cache
def _tree(module: str) -> ast.Module:
    path = _path(module)
    assert path is not None
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def _imports(module: str) -> tuple[str, ...]:
    names: list[str] = []
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    project = [name for name in names if name.split(".")[0] == PACKAGE]
    # Importing a module runs the __init__ of every package above it.
    parents = [".".join(name.split(".")[:depth]) for name in project for depth in range(1, name.count(".") + 1)]
    return tuple(dict.fromkeys(project + parents))


@functools.cache
def _tree_hash(module: str) -> str:
    tokens: list[str] = []
    _serialise(_tree(module), tokens)
    return hashlib.sha256("\n".join(tokens).encode()).hexdigest()


def _serialise(node: object, tokens: list[str]) -> None:
    """Append a serialisation of a syntax tree that is the same on every supported Python version.

    `ast.dump` is not: fields were added (type parameters) and empty ones dropped from its output.
    """
    if isinstance(node, ast.AST):
        tokens.append(f"({type(node).__name__}")
        for name, value in ast.iter_fields(node):
            if value is None or value == [] or name in ("type_comment", "kind", "ctx"):
                continue
            if name == "body" and isinstance(value, list) and _has_docstring(node):
                value = value[1:]
            tokens.append(name)
            _serialise(value, tokens)
        tokens.append(")")
    elif isinstance(node, list):
        for item in node:
            _serialise(item, tokens)
    else:
        tokens.append(repr(node))


def _has_docstring(node: ast.AST) -> bool:
    if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
        return False
    return ast.get_docstring(node, clean=False) is not None
