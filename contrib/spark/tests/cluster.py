"""Spark as a user has it: a job on a local cluster, or submitted to a standalone one; and how a worker of it dies."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyspark

HERE = Path(__file__).resolve().parent
SPARK = Path(pyspark.__file__).parent
# Two workers of one core and one GiB each, in processes of their own.
LOCAL_CLUSTER = "local-cluster[2,1,1024]"
QUIET = ["--conf", "spark.ui.enabled=false", "--conf", "spark.ui.showConsoleProgress=false"]
PATIENCE_S = 300


def environment() -> dict[str, str]:
    """PYSPARK_PYTHON names this Python: any other one may lack pyarrow."""
    return os.environ | {
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "PYSPARK_SUBMIT_ARGS": " ".join([*QUIET, "pyspark-shell"]),
        "SPARK_HOME": str(SPARK),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYTHONPATH": str(HERE.parent),
        "PYTHONWARNINGS": "ignore",
    }


def command(words: Sequence[str], master: str = LOCAL_CLUSTER) -> list[str]:
    """The job without spark-submit."""
    return [sys.executable, "-m", "rstscan_spark", "--master", master, *words]


def submitted(words: Sequence[str], master: str) -> list[str]:
    """The job with spark-submit."""
    return [str(SPARK / "bin" / "spark-submit"), "--master", master, *QUIET, str(HERE.parent / "submit.py"), *words]


def run(words: Sequence[str], status: int = 0) -> str:
    """Runs to the end and gives what was printed; says what was told where it ends otherwise."""
    done = subprocess.run(words, env=environment(), capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    if done.returncode != status:
        raise AssertionError(f"status {done.returncode}: {' '.join(words)}\n{done.stdout}\n{done.stderr[-6000:]}")
    return done.stdout


def run_and_meanwhile(words: Sequence[str], act: Callable[[], None]) -> str:
    """The same, while something happens to it."""
    child = subprocess.Popen(words, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        act()
        out, told = child.communicate(timeout=PATIENCE_S)
    finally:
        child.kill()
        child.wait()
    if child.returncode != 0:
        raise AssertionError(f"status {child.returncode}\n{out}\n{told[-6000:]}")
    return out


def wait_for(what: str, there: Callable[[], object]) -> None:
    """Until it is there, or it takes too long."""
    end = time.monotonic() + PATIENCE_S
    while not there():
        if time.monotonic() > end:
            raise AssertionError(f"waited in vain for {what}")
        time.sleep(0.05)


@dataclass(frozen=True)
class Gate:
    """A program that waits in front of rstscan until it is let through, so that a worker is surely at work."""

    folder: Path

    def program(self, rstscan: str) -> str:
        """The gate as a program, the same name for the same folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        script = self.folder / "rstscan"
        script.write_text(
            "#!/bin/sh\n"
            f'case " $* " in *" -r "*) case " $* " in *" -c 1 "*) ;; *)\n'
            f"  : >{self.folder}/waits.$$\n"
            f"  while [ ! -e {self.folder}/open ]; do sleep 0.05; done ;;\n"
            "esac ;; esac\n"
            f'exec {rstscan} "$@"\n'
        )
        script.chmod(0o755)
        return str(script)

    def waiting(self) -> list[int]:
        """The processes that wait at the gate."""
        return [int(file.suffix[1:]) for file in self.folder.glob("waits.*")]

    def open(self) -> None:
        """Lets all through, now and later."""
        (self.folder / "open").touch()


def ancestors(process: int) -> Iterator[tuple[int, str]]:
    """The processes above one, nearest first, with their command lines."""
    while process > 1:
        status = Path(f"/proc/{process}/stat").read_text()
        process = int(status.rpartition(")")[2].split()[1])
        if process > 1:
            yield process, Path(f"/proc/{process}/cmdline").read_text().replace("\0", " ")


def kill_above(process: int, kinds: Sequence[str]) -> list[str]:
    """Kills the processes of these kinds above one at once, as a machine that is gone would end; says which."""
    doomed = [(number, kind) for number, line in ancestors(process) for kind in kinds if kind in line]
    for number, _ in doomed:
        os.kill(number, signal.SIGKILL)
    return [kind for _, kind in doomed]


@contextmanager
def standalone(folder: Path) -> Iterator[str]:
    """A standalone cluster of a master and two workers; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    folder.mkdir(parents=True)
    address = f"spark://127.0.0.1:{port}"
    here = ["--host", "127.0.0.1", "--webui-port", "0"]
    worker = [
        "org.apache.spark.deploy.worker.Worker",
        *here,
        "--cores",
        "1",
        "--memory",
        "1g",
        "--work-dir",
        str(folder),
    ]
    roles = {
        "master": ["org.apache.spark.deploy.master.Master", *here, "--port", str(port)],
        "worker-1": [*worker, address],
        "worker-2": [*worker, address],
    }
    started: list[subprocess.Popen[bytes]] = []
    try:
        for role, words in roles.items():
            with (folder / f"{role}.log").open("wb") as log:
                line = [str(SPARK / "bin" / "spark-class"), *words]
                started.append(subprocess.Popen(line, env=environment(), stdout=log, stderr=log))
        log_of_master = folder / "master.log"
        wait_for("two workers", lambda: log_of_master.read_text().count("Registering worker") == len(started) - 1)
        yield address
    finally:
        for process in reversed(started):
            process.terminate()
        for process in started:
            process.wait()
