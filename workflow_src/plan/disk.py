"""How many bytes a job's results take, counted from its specification."""

from collections.abc import Mapping
from typing import Any

from workflow_src.config.jobs import Job

# A record inside a file, and one beside it; the log of a job and its status.
RECORD, BESIDE = 36_000, 9_000
# Arrays per run and update in a history.
TRACES = 10
# Figures, tables, verdicts and pages by their ending, and text that only records accompany.
SHOWN = {"pdf": 60_000, "png": 150_000, "html": 3_000_000, "zip": 20_000_000}


def counted(job: Job, run: Mapping[str, Any] | None) -> float:
    """Bytes of all that a job leaves, records and log included.

    Args:
        run: specification of the training that the job belongs to, for trainings and evaluations.
    """
    beside = len(job.outputs) * BESIDE
    match job.step:
        case "train":
            assert run is not None
            return float(beside + 2 * RECORD + _model(run) + _history(run))
        case "evaluate":
            judged = job.spec["evaluation"]
            columns = (len(run["seeds"]) + 2) * run["obs_dim"] if run else 10
            return beside + RECORD + 8.0 * judged["example_steps"] * columns
        case "simulate":
            spec = job.spec["spec"]
            # Training data with noise and without.
            steps = 2 * spec["train"]["steps"] + spec["test"]["steps"]
            return beside + RECORD + 8.0 * steps * len(spec["observed"])
    return float(beside) + sum(SHOWN.get(path.rpartition(".")[2], RECORD) for path in job.outputs)


def _model(run: Mapping[str, Any]) -> int:
    architecture = run["architecture"]
    wide = architecture.get("latent_dim", architecture.get("model_dim", 1)) + run["obs_dim"]
    return _width(run) * len(run["seeds"]) * 2 * wide * (architecture["hidden_dim"] + 1)


def _history(run: Mapping[str, Any]) -> int:
    return _width(run) * run["training"]["updates"] * (TRACES * len(run["seeds"]) + 4)


def _width(run: Mapping[str, Any]) -> int:
    return 8 if run["precision"] == "float64" else 4
