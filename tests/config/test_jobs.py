"""The jobs of a preset as this project lists them are those that the rules run, with the same settings."""

import json
import shlex
from pathlib import Path

import pytest

from tests.workflow.test_workflow import PRESETS, snakemake
from workflow_src.config import read_preset
from workflow_src.config.jobs import jobs

OUTPUTS = ("--output", "--model", "--history", "--pdf", "--png", "--csv", "--md", "--tex")
READ = ("model", "history")
INPUTS = ("--dataset", "--measures", "--histories", "--parts", "--results")
SETTINGS = (
    *("--spec", "--evaluation", "--cells", "--name", "--figure", "--table", "--models", "--settings"),
    *("--shown", "--elsewhere", "--varied"),
)


def parsed(command):
    """Step, outputs, settings, inputs by role, and all inputs of a rule's command."""
    words = shlex.split(command)
    step = words[2].rpartition(".")[2]
    given, name = {}, ""
    for word in words[3 : words.index(">")]:
        if word.startswith("--"):
            name = word
            given[name] = []
        else:
            given[name].append(word)
    # What training writes, evaluation reads.
    outputs = [given[name][0] for name in OUTPUTS if name in given and (step == "train" or name[2:] not in READ)]
    settings = {
        name[2:]: json.loads(value[0]) if value[0].startswith("{") else value[0]
        for name, value in given.items()
        if name in SETTINGS
    }
    roles = dict(item.split("=") for item in given.get("--inputs", []))
    others = [
        path
        for name, paths in given.items()
        for path in paths
        if name in INPUTS or (step != "train" and name[2:] in READ)
    ]
    return step, frozenset(outputs), settings, roles, {*roles.values(), *others}


@pytest.mark.parametrize("preset", PRESETS, ids=lambda file: file.stem)
def test_the_jobs_of_a_preset_are_those_of_the_rules(preset, tmp_path):
    run = snakemake(tmp_path, "--configfile", str(preset), "--printshellcmds", "--", "all", "extras")
    lines = [line.strip() for line in (run.stdout + run.stderr).splitlines()]
    shown = [line.removeprefix("Shell command: ") for line in lines if line.startswith("Shell command: ")]
    # A training takes the place of its shell.
    commands = [one for one in (line.removeprefix("exec ") for line in shown) if one.startswith("python")]
    ran = {outputs: found for _, outputs, *found in map(parsed, commands)}
    steps = {parsed(command)[0] for command in commands}
    base = Path("results") / preset.stem
    listed = {
        frozenset(str(base / path) for path in job.outputs): [
            json.loads(json.dumps(job.spec)),
            {role: str(base / path) for role, path in job.inputs.items()},
            {str(base / path) for path in job.reads},
        ]
        for job in jobs(read_preset(preset))
    }
    # A rule runs where a figure, extra or table needs it; a preset may hold more.
    assert set(ran) <= set(listed)
    assert {"simulate", "train", "evaluate", "aggregate", "table"} <= steps
    for outputs, found in ran.items():
        assert found == listed[outputs], outputs
    stages = {Path(path).parts[2] for outputs in set(listed) - set(ran) for path in outputs}
    assert stages <= {"simulate", "train", "evaluate", "aggregate", "tables"}
