"""A real Slurm on this machine, a clone of the project on it, and runs of Snakemake in the clone."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(__file__).parent
BUSY = {"PENDING", "RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED"}


class Unavailable(Exception):
    """Why there can be no Slurm here."""


class Cluster:
    """Two nodes with two GPUs each that are none, in a folder of its own below `state`."""

    def __init__(self, state: Path, *, accounting: bool = False) -> None:
        self.settings = {"TESTSLURM_STATE": str(state), "TESTSLURM_ACCT": str(int(accounting))}
        self.state = state

    def start(self) -> None:
        """Bring it up, with its packages if they are missing; do nothing if it is up.

        Raises:
            Unavailable: this machine cannot have one.
        """
        if os.geteuid() != 0:
            raise Unavailable("a Slurm of its own needs root")
        if shutil.which("apt-get") is None and shutil.which("slurmctld") is None:
            raise Unavailable("Slurm is not installed, and without apt-get it cannot be")
        run = self._script("start-slurm.sh")
        if "apt-get install" in run.stderr or "is not ours" in run.stderr:
            raise Unavailable(run.stderr.strip())
        assert run.returncode == 0, run.stderr

    def stop(self) -> None:
        self._script("stop-slurm.sh")

    def kill(self, daemon: str) -> None:
        """SIGKILL to one of its daemons, as `slurmctld`."""
        pid = (self.state / f"run/{daemon}.pid").read_text().split()[0]
        os.kill(int(pid), signal.SIGKILL)

    def lose(self, node: str, job: str) -> None:
        """A node that fails: its daemon and all processes of a job on it are gone, and nobody tells of it."""
        self.kill(f"slurmd-{node}")
        for pid in (*_processes_of(job, "slurmstepd"), *_processes_of(job)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # Slurm would find out within its SlurmdTimeout.
        self.update(f"nodename={node}", "state=down", "reason=test")

    def update(self, *changes: str) -> None:
        """`scontrol update` with these arguments."""
        subprocess.run(["scontrol", "update", *changes], check=True, capture_output=True, stdin=subprocess.DEVNULL)

    def show(self, job: str) -> dict[str, str]:
        """What Slurm knows of a job."""
        text = subprocess.run(["scontrol", "show", "job", "-o", job], capture_output=True, text=True).stdout
        return dict(re.findall(r"([\w:/]+)=(\S*)", text))

    def jobs(self, folder: Path) -> list[dict[str, str]]:
        """All jobs from a folder that Slurm remembers, the oldest first: fields as `scontrol show job` names them."""
        text = subprocess.run(["scontrol", "show", "job", "-o"], capture_output=True, text=True).stdout
        found = [dict(re.findall(r"([\w:/]+)=(\S*)", line)) for line in text.splitlines() if line.startswith("JobId=")]
        return [job for job in found if job["WorkDir"] == str(folder)]

    def job(self, folder: Path, rule: str, state: str = "RUNNING") -> dict[str, str] | None:
        """The newest job of a rule in a state."""
        found = [job for job in self.jobs(folder) if f"rule_{rule}_" in job["Comment"] and job["JobState"] == state]
        return found[-1] if found else None

    def unfinished(self, folder: Path) -> list[str]:
        """Ids of the jobs that have not ended."""
        return [job["JobId"] for job in self.jobs(folder) if job["JobState"] in BUSY]

    def _script(self, name: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", str(SCRIPTS / name)],
            env=os.environ | self.settings,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=580,
        )


def clone(folder: Path) -> Path:
    """The sources as they stand, without results and without anything that Snakemake remembers."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines()
    for name in names:
        source, target = ROOT / name, folder / name
        if name.split("/")[0] in ("results", "benchmarks", ".venv") or not (source.is_file() or source.is_symlink()):
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target, follow_symlinks=False)
    return folder


class Run:
    """`snakemake` with these arguments in a clone, at work until it ends or is killed.

    Attributes:
        started: all of them, for those that clear up after a test.
        output: file of what it says.
    """

    started: ClassVar[list["Run"]] = []

    def __init__(self, folder: Path, *arguments: str, **settings: str) -> None:
        path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.folder = folder
        self.output = folder / f"snakemake{len(list(folder.glob('snakemake*.out')))}.out"
        with self.output.open("w") as file:
            self.process = subprocess.Popen(
                # Tests in the background of a shell ignore SIGINT, and what they start would, too.
                ["env", "--default-signal=INT", "snakemake", *arguments],
                cwd=folder,
                env=os.environ | {"PATH": path, "GTF_DEER_POLL": "2", "NO_COLOR": "1"} | settings,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.started.append(self)

    def text(self) -> str:
        return self.output.read_text()

    def until(self, condition: Callable[[], object], seconds: float = 300) -> None:
        """Wait for a condition, which must come true while Snakemake runs."""
        end = time.monotonic() + seconds
        while not condition():
            assert self.process.poll() is None, f"Snakemake ended early:\n{self.text()[-4000:]}"
            assert time.monotonic() < end, f"waited {seconds} s in vain:\n{self.text()[-4000:]}"
            time.sleep(0.5)

    def ends_well(self, seconds: float = 570) -> None:
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still at work after {seconds} s:\n{self.text()[-4000:]}") from None
        assert status == 0, self.text()[-6000:]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def processes(words: str, job: str) -> list[int]:
    """Processes of a job of Slurm whose command has these words."""
    # The shell and Snakemake that started it have the words in longer commands.
    return [pid for pid in _processes_of(job) if words in (command := _command(pid)) and command.startswith("python ")]


def is_told(pid: int, number: signal.Signals) -> bool:
    """Whether a signal waits for a process that does not run at the moment, or has ended it."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return True
    return any(int(mask, 16) >> (number - 1) & 1 for mask in re.findall(r"^(?:SigPnd|ShdPnd):\s*(\w+)", text, re.M))


def _processes_of(job: str, daemon: str = "") -> list[int]:
    """What a job of Slurm runs, or the daemons that watch over it."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            of_job = f"SLURM_JOB_ID={job}".encode() in (folder / "environ").read_bytes().split(b"\0")
        except OSError:
            continue
        command = _command(int(folder.name))
        if (command.startswith(f"{daemon}: [{job}.") if daemon else of_job) and command:
            found.append(int(folder.name))
    return found


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
