"""Write the page that shows the results of a preset: one file that needs no network."""

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from workflow_src import provenance, store
from workflow_src.provenance import carriers
from workflow_src.report.content import gather
from workflow_src.report.page import render
from workflow_src.steps.arguments import arguments, run


class Varied(BaseModel):
    """What Fig. S1 varies, if the preset has it: label, reference and values per factor, checked by its schema."""

    model_config = ConfigDict(frozen=True)
    factors: tuple[dict[str, str | list[str]], ...]


def main(argv: Sequence[str] | None = None) -> None:
    args = arguments(__doc__, shown=str, elsewhere=str, varied=Varied, results=list, output=Path).parse(argv)
    with provenance.record("report", args, outputs=["output"]) as record:
        content = gather(args.shown.split(","), args.results, args.output, args.varied.factors, args.elsewhere)
        page = render(content, carriers.in_html(record.repeatable()))
        store.write_atomically(args.output, lambda path: path.write_bytes(carriers.sealed_html(page)))


if __name__ == "__main__":
    run(main)
