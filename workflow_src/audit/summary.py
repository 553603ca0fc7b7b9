"""What the records of a chain say together: commits, versions, seeds, machines."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from workflow_src.audit.finding import Finding

Record = Mapping[str, Any]
# Versions that are named when nothing is wrong with them.
NAMED = ("jax", "equinox", "optax", "numpy", "netCDF4", "matplotlib")


def commits(records: Sequence[Record]) -> tuple[str, list[Finding]]:
    """The commits of a chain in a line, and what is the matter with them."""
    counts = Counter(record["commit"] or "no git" for record in records)
    findings = []
    if len(counts) > 1:
        told = ", ".join(f"{commit[:10]} ({count})" for commit, count in counts.most_common())
        findings.append(Finding("warning", "commit", f"made at {len(counts)} commits: {told}"))
    if "no git" in counts:
        findings.append(
            Finding("warning", "commit", f"{counts['no git']} jobs ran without git: their commit is unknown")
        )
    if dirty := [record for record in records if record["dirty"]]:
        names = sorted({name for record in dirty for name in record["changed"]})
        shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
        differences = len({record["diff_sha256"] for record in dirty})
        text = f"{len(dirty)} of {len(records)} jobs ran in a dirty tree, {differences} in kind (changed: {shown})"
        findings.append(Finding("warning", "commit", text))
    first = counts.most_common(1)[0][0]
    state = "dirty" if dirty else "clean"
    return f"{first}, {state}" + (f", and {len(counts) - 1} more" if len(counts) > 1 else ""), findings


def versions(records: Sequence[Record]) -> tuple[str, list[Finding]]:
    """Python and packages in a line, and which are mixed."""
    # Most jobs ran with the same; each kind is compared once.
    kinds = {(record["python"], *record["packages"].items()) for record in records}
    sets = [{"Python": python, **dict(packages)} for python, *packages in sorted(kinds)]
    names = sorted({name for one in sets for name in one})
    mixed = {}
    for name in names:
        found = sorted({one.get(name, "absent") for one in sets})
        if len(found) > 1:
            mixed[name] = found
    findings = []
    if mixed:
        # What computes first: Python and the packages named below.
        order = sorted(mixed, key=lambda name: (name not in ("Python", *NAMED), name))
        told = ", ".join(f"{name} {' and '.join(mixed[name])}" for name in order[:3])
        more = f" and {len(mixed) - 3} more" if len(mixed) > 3 else ""
        findings.append(Finding("warning", "versions", f"mixed: {told}{more}"))
    locks = sorted(
        {f"{record['lock']['name']} {record['lock']['sha256'][:10]}" for record in records if record["lock"]}
    )
    line = ", ".join(f"{name} {sets[0][name]}" for name in ("Python", *NAMED) if name in sets[0])
    return f"{line}; lock {', '.join(locks) or 'unknown'}", findings


def runs(records: Sequence[Record]) -> tuple[str, list[Finding]]:
    """The trained runs and their seeds in a line; seeds that an aggregate wants and no record trained."""
    trained = {_cell(record["spec"]["spec"]): record for record in records if record["step"] == "train"}
    findings = [Finding("damage", "seeds", f"no record of {name}") for name in _missing(records, set(trained))]
    missing = len(findings)
    in_training = {"/".join(map(str, cell[:-1])): one["diverged_seeds"] for cell, one in trained.items()}
    ended = {(place, seed) for place, seeds in in_training.items() for seed in seeds}
    in_generation = {
        (_evaluated(record), seed)
        for record in records
        if record["step"] == "evaluate"
        for seed in record["diverged_seeds"]
    } - ended
    for when, those in (("training", ended), ("generation", in_generation)):
        for place in sorted({place for place, _ in those}):
            seeds = [seed for other, seed in those if other == place]
            told = f"{place} seed{'s' if len(seeds) > 1 else ''} {_ranges(seeds)}"
            findings.append(Finding("note", "seeds", f"diverged in {when}: {told}"))
    if not trained:
        return "no training upstream", findings
    seeds = sorted({seed for one in trained.values() for seed in one["seeds"]})
    count = sum(len(one["seeds"]) for one in trained.values())
    diverged = len(ended | in_generation)
    return f"{_ranges(seeds)} in {count} runs: {missing} missing, {diverged} diverged", findings


def machines(records: Iterable[Record]) -> str:
    """Devices and processors of the jobs whose record tells them."""
    told = Counter()
    for record in records:
        if place := record.get("execution"):
            driver = f", driver {place['gpu_driver']}" if place["gpu_driver"] else ""
            device = record.get("device", "cpu").removesuffix(": cpu")
            told[f"{device} on {place['host']} ({place['cpu']}{driver})"] += 1
    return "; ".join(f"{count} jobs {text}" for text, count in told.most_common(3)) or "not recorded"


def _cell(spec: Mapping[str, Any]) -> tuple[Any, ...]:
    return spec["experiment"], spec["model"], f"T{spec['sequence_length']}", tuple(spec["seeds"])


def _evaluated(record: Record) -> str:
    """Experiment, model and length of an evaluation, which its own settings do not name."""
    return "/".join(Path(record["outputs"][0]).parts[-4:-1])


def _missing(records: Sequence[Record], trained: set[tuple[Any, ...]]) -> Iterator[str]:
    """Packs that an aggregate combines according to its settings, but whose training no record tells."""
    for record in records:
        if record["step"] != "aggregate":
            continue
        spec = record["spec"]["spec"]
        for model in spec["models"]:
            for length in spec["sequence_lengths"]:
                for pack in spec["packs"]:
                    if (spec["experiment"], model, f"T{length}", tuple(pack)) not in trained:
                        yield f"{spec['experiment']}/{model}/T{length}, seeds {_ranges(pack)}"


def _ranges(seeds: Sequence[int]) -> str:
    """`0-4, 7` for 0, 1, 2, 3, 4, 7."""
    spans: list[list[int]] = []
    for seed in sorted(seeds):
        if spans and seed == spans[-1][-1] + 1:
            spans[-1].append(seed)
        else:
            spans.append([seed])
    return ", ".join(str(span[0]) if len(span) == 1 else f"{span[0]}-{span[-1]}" for span in spans)
