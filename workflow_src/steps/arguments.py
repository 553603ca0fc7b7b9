"""Command-line arguments of the steps, declared by name and type."""

import argparse
import atexit
import contextlib
import gc
import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from types import UnionType
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from workflow_src import stop
from workflow_src.errors import UserError


class Parser:
    """Turns `--name value` pairs into typed values; a user's mistake ends the process with one line."""

    def __init__(self, description: str | None, kinds: dict[str, Any]) -> None:
        self.parser = argparse.ArgumentParser(description=(description or "").split("\n\n")[0])
        self.kinds = kinds
        for name, kind in kinds.items():
            flag = f"--{name.replace('_', '-')}"
            many = {"nargs": "+"} if kind in (list, dict) else {}
            required = not isinstance(kind, UnionType)
            self.parser.add_argument(flag, dest=name, required=required, metavar=_metavar(kind), **many)

    def parse(self, argv: Sequence[str] | None = None) -> argparse.Namespace:
        args = self.parser.parse_args(argv)
        for name, kind in self.kinds.items():
            setattr(args, name, _convert(name, kind, getattr(args, name)))
        return args


def arguments(description: str | None, **kinds: Any) -> Parser:
    """Declare a step's arguments.

    Args:
        description: the step's docstring.
        kinds: a type per argument: a pydantic model (given as JSON), Path, str, int, `list` of paths, or `dict` of
        role=path. One of `kind | None` may be left out.
    """
    return Parser(description, kinds)


def run(main: Callable[[], None]) -> None:
    """Run a step's main, and end the program; a user's mistake gives one line and exit status 1.

    A signal to stop ends it in good order.
    """
    if main.__module__ == "__main__":
        # What a full disk refuses is not kept for the end, where it would change the exit status.
        sys.stderr = io.TextIOWrapper(io.FileIO(2, "w", closefd=False), errors="backslashreplace", write_through=True)
    stop.obey()
    # What was imported lives to the end: the collector need not look at it.
    gc.freeze()
    gc.enable()
    try:
        main()
    except UserError as error:
        sys.exit(f"error: {error}")
    if main.__module__ == "__main__":
        _leave()


def _leave() -> None:
    """End the process at once: to take the interpreter apart module by module takes half as long as to import them."""
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError):
        sys.stdout.flush()
    os._exit(0)


def _convert(name: str, kind: Any, text: Any) -> Any:
    if isinstance(kind, UnionType):
        return None if text is None else _convert(name, get_args(kind)[0], text)
    if kind is dict:
        return {role: Path(path) for role, _, path in (item.partition("=") for item in text)}
    if kind is list:
        return [Path(item) for item in text]
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        try:
            return kind.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            raise UserError(f"--{name}: {where}: {first['msg']}; pass the JSON that the rule's log shows") from None
    return kind(text)


def _metavar(kind: Any) -> str:
    if isinstance(kind, UnionType):
        return _metavar(get_args(kind)[0])
    return {dict: "ROLE=PATH", list: "PATH", Path: "PATH"}.get(kind, getattr(kind, "__name__", str(kind)).upper())
