"""rstscan as a child of a worker: started, read line by line, and never left behind."""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

PR_SET_PDEATHSIG = 1


class Lines:
    """The lines that rstscan prints; afterwards its exit status, and what it wrote to standard error."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = list(command)
        self.status: int | None = None
        self.errors: list[str] = []

    def __iter__(self) -> Iterator[str]:
        # A pipe for standard error could fill up while nobody reads it.
        with tempfile.TemporaryFile() as told:
            child = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=told,
                # A Python worker of Spark has one thread.
                preexec_fn=_die_with_parent,  # noqa: PLW1509
            )
            try:
                assert child.stdout is not None
                for line in child.stdout:
                    yield line.decode("utf-8").rstrip("\n")
                self.status = child.wait()
            finally:
                if child.poll() is None:
                    child.kill()
                    child.wait()
                told.seek(0)
                self.errors = told.read().decode("utf-8", "replace").splitlines()


def _die_with_parent() -> None:
    """A worker that is killed cannot end its child: the kernel does (Linux; elsewhere it ends at its next line)."""
    if hasattr(signal, "SIGKILL") and Path("/proc/self").exists():
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def run(command: Sequence[str]) -> tuple[list[str], int | None, list[str]]:
    """A short command, to its end: its lines, its status, and what it wrote to standard error."""
    lines = Lines(command)
    return list(lines), lines.status, lines.errors


@lru_cache(maxsize=4)
def engine(program: str) -> str:
    """Which rstscan this is: its version, and a digest of the program."""
    (version, *_), _, _ = run([program, "--version"])
    digest = hashlib.sha256(_found(program).read_bytes())
    return f"{version} {digest.hexdigest()[:12]}"


def _found(program: str) -> Path:
    found = shutil.which(program)
    if found is None:
        raise FileNotFoundError(f"{program}: not on this worker's PATH ({os.environ.get('PATH', '')})")
    return Path(found)
