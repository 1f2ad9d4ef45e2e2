"""What a worker does: asks a capture when it begins, and runs rstscan over one shard of one window.

A capture that is damaged or missing is a result and no failure: it becomes a row of the errors table, and what was
found in it stays. rstscan ended by a signal (no memory, a lost node) is a failure, which Spark tries again elsewhere;
if the last attempt ends so as well, that becomes an error row, too, and the next job tries the window again.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from . import rows
from .child import Lines, engine, run
from .inputs import Capture, fetch, is_uri
from .plan import Task

# The exit status of rstscan where an input is damaged: what can be read was explained.
DAMAGED = 1
# Where it was called wrongly, which no other attempt mends.
USAGE = 2
# What a run ends with that has explained all there is.
ENDED = (0, DAMAGED)


class ScanFailed(Exception):
    """rstscan did not get to its end, for a reason that another attempt may not meet."""


@dataclass(frozen=True)
class Program:
    """How rstscan is called on a worker."""

    path: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Begin:
    """When a capture begins, or why nobody knows. Neither: it holds no frame."""

    first_ns: int | None
    message: str | None
    engine: str


def begin(program: Program, capture: Capture) -> Begin:
    """Asks rstscan for the time of the first frame: it knows every format."""
    which = engine(program.path)
    if capture.size < 0:
        return Begin(None, "no such file", which)
    try:
        with tempfile.TemporaryDirectory(prefix="rstscan-") as folder:
            path = fetch(capture.path, Path(folder)) if is_uri(capture.path) else Path(capture.path)
            lines, status, errors = run([program.path, "--json", "-qq", "-c", "1", "-r", str(path)])
    except OSError as error:
        return Begin(None, str(error), which)
    last = json.loads(lines[-1]) if lines else {}
    if last.get("first"):
        return Begin(rows.nanoseconds(last["first"]), None, which)
    message = _without_name(errors[0], str(path)) if errors else f"rstscan ended with status {status}"
    return Begin(None, None if status == 0 else message, which)


def scan(program: Program, task: Task, last_attempt: bool) -> Iterator[rows.Row]:
    """The rows of a shard of a window: resets, errors, and one of the run itself."""
    with tempfile.TemporaryDirectory(prefix="rstscan-") as folder:
        copies, missing = _at_hand(task, Path(folder))
        for path, message in missing:
            # Each file is reported by one window: its error is told once.
            if path in _paths(task.window.files) and task.shard == 1:
                yield _error(task, path, DAMAGED, message)
        if any(path in copies for path in _paths(task.window.files)):
            yield from _explained(program, task, copies, last_attempt)


def _at_hand(task: Task, folder: Path) -> tuple[dict[str, str], list[tuple[str, str]]]:
    """The files of a window as rstscan can open them, by their names; and those that cannot be opened, and why."""
    copies: dict[str, str] = {}
    missing: list[tuple[str, str]] = []
    for path in _paths((*task.window.warm_up, *task.window.files, *task.window.after)):
        try:
            if is_uri(path):
                copies[path] = str(fetch(path, folder))
            else:
                Path(path).open("rb").close()
                copies[path] = path
        except OSError as error:
            missing.append((path, error.strerror or str(error)))
    return copies, missing


def command(program: Program, task: Task, copies: dict[str, str]) -> list[str]:
    """How rstscan is called for a shard of a window."""
    window = task.window
    words = [program.path, "--json", "-qq", *program.options]
    if task.shards > 1:
        words += ["--shard", f"{task.shard}/{task.shards}"]
    for option, captures in (("--warm-up", window.warm_up), ("-r", window.files), ("--read-on", window.after)):
        words += _each(option, _paths(captures), copies)
    return words


def _paths(captures: Iterable[Capture]) -> list[str]:
    return [capture.path for capture in captures]


def _each(option: str, paths: Iterable[str], copies: dict[str, str]) -> list[str]:
    return [word for path in paths if path in copies for word in (option, copies[path])]


def _explained(program: Program, task: Task, copies: dict[str, str], last_attempt: bool) -> Iterator[rows.Row]:
    began = time.monotonic()
    names = {copy: path for path, copy in copies.items() if copy != path}
    lines = Lines(command(program, task, copies))
    summary: tuple[str, rows.Json] | None = None
    resets = 0
    for written in lines:
        line, row = rows.renamed(written, names)
        if row["type"] == "summary":
            summary = (line, row)
        elif row["type"] == "reset":
            resets += 1
            yield rows.reset(line, row, task.window.name, task.window.point)
    if summary is None and lines.status != DAMAGED:
        how = f"rstscan ended with status {lines.status} before its end: {' '.join(lines.errors[-1:])}"
        if not last_attempt or lines.status == USAGE:
            raise ScanFailed(f"{task.window.files[0].path}: {how}")
        yield _error(task, None, lines.status, how)
    yield from _complaints(task, lines, names)
    counted = {"resets": resets, "seconds": time.monotonic() - began}
    yield _run(task, lines, summary) | counted


def _complaints(task: Task, lines: Lines, names: dict[str, str]) -> Iterator[rows.Row]:
    """What rstscan wrote to standard error about files of this window; of other files their own window tells."""
    if task.shard > 1:
        return
    own_files = _paths(task.window.files)
    others = _paths((*task.window.warm_up, *task.window.after))
    for line in dict.fromkeys(lines.errors):
        file = next((path for path in (*own_files, *others) if _names(line, path, names)), None)
        if file not in others:
            own = next((copy for copy, path in names.items() if path == file), file)
            yield _error(task, file, lines.status, _without_name(line, own or ""))


def _names(line: str, path: str, names: dict[str, str]) -> bool:
    copies = (copy for copy, original in names.items() if original == path)
    return any(line.startswith(f"rstscan: {name}: ") for name in (path, *copies))


def _without_name(line: str, path: str) -> str:
    return line.removeprefix("rstscan: ").removeprefix(f"{path}: ")


def _error(task: Task, file: str | None, status: int | None, message: str) -> rows.Row:
    window = task.window
    known = {"kind": "error", "window": window.name, "point": window.point, "file": file, "shard": task.shard}
    return known | {"status": status, "message": message}


def _run(task: Task, lines: Lines, summary: tuple[str, rows.Json] | None) -> rows.Row:
    """What the run was, without what it found: its counts are those of the files it reports."""
    window = task.window
    line, counts = summary or (None, {})
    first, last = counts.get("first"), counts.get("last")
    return {
        "kind": "run",
        "window": window.name,
        "point": window.point,
        "shard": task.shard,
        "shards": task.shards,
        "files": len(window.files),
        "bytes": sum(capture.size for capture in window.files),
        "status": lines.status,
        "frames": counts.get("frames"),
        "connections": counts.get("connections"),
        "first": rows.instant(first) if first else None,
        "last": rows.instant(last) if last else None,
        "json": line,
    }
