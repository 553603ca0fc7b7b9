"""Questions about a preset: `python -m workflow_src where FILE` checks it and says where its results go."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from workflow_src.config import Preset, read_preset
from workflow_src.steps.arguments import run


def where(preset: Preset) -> str:
    """One line with the folders of the figures and tables that a preset makes."""
    made = [
        section for section in ("figures", "tables") if any(roles is not None for _, roles in getattr(preset, section))
    ]
    return "   ".join(f"{section.capitalize()}: {Path('results', preset.preset, section)}" for section in made)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m workflow_src", description=(__doc__ or "").split(":")[0])
    commands = parser.add_subparsers(required=True)
    asked = commands.add_parser("where", help="check a preset; say where its figures and tables are")
    asked.add_argument("preset", type=Path, help="its YAML file")
    args = parser.parse_args(argv)
    print(where(read_preset(args.preset)))


if __name__ == "__main__":
    run(main)
