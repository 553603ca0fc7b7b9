"""Records as the benchmarks write them, with made-up times."""

from dataclasses import asdict

from benchmarks.records import SCHEMA


def solver(seconds, *, status="timed", converged=True, temp_bytes=1000):
    """A solver's facts; its median is the middle one of three times."""
    timed = status == "timed"
    return {
        "status": status,
        "out_of_memory": status == "out_of_memory",
        "message": None,
        "compile_seconds": 1.0,
        "first_run_seconds": 0.5,
        "first_call_seconds": 1.5 if timed else None,
        "memory": {"temp_bytes": temp_bytes, "output_bytes": 0, "argument_bytes": 8, "peak_bytes": temp_bytes + 8},
        "seconds": [0.9 * seconds, seconds, 1.2 * seconds] if timed else [],
        "median": seconds if timed else None,
        "lower_quartile": 0.95 * seconds if timed else None,
        "upper_quartile": 1.1 * seconds if timed else None,
        "converged": converged,
        "iterations_mean": 3.0,
        "iterations_max": 3,
        "gradient_error": 1e-6,
    }


def record(case, solvers, *, device="Some CPU", platform="cpu", started="2026-01-01T00:00:00+00:00"):
    return {
        "schema": SCHEMA,
        "case": asdict(case),
        "model": {},
        "settings": {},
        "machine": {"device": device, "platform": platform, "cores": 2},
        "versions": {"jax": "0.10.2", "equinox": "0.13.8"},
        "environment": {},
        "commit": "0123456789",
        "dirty": False,
        "code_sha256": "0",
        "command": "python -m benchmarks.compare",
        "started": started,
        "load_average": [0.1, 0.2],
        "floor": {"seconds": 1e-4, "seconds_datasheet": None},
        "reference": {"loss": 1.0, "seconds": 1.0},
        "solvers": solvers,
    }
