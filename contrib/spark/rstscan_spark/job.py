"""The job: captures in, tables out."""

from __future__ import annotations

import argparse
import atexit
import os
import re
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyspark import SparkFiles, StorageLevel, TaskContext
from pyspark.sql import DataFrame, SparkSession

from . import rows
from .inputs import Capture, listed
from .output import Output
from .plan import Cut, Task, Window, outlasting, tasks, windows, without_gone
from .scan import ENDED, Begin, Program, begin, scan

BEGINS = pa.schema([("at", pa.int64()), ("first_ns", pa.int64()), ("message", pa.string()), ("engine", pa.string())])
# How many captures one task asks when they begin: a few milliseconds each.
AT_ONCE = 32


@dataclass(frozen=True)
class Order:
    """What the user wants."""

    inputs: tuple[str, ...]
    out: str
    point: str | None
    cut: Cut
    program: Program
    ship: bool
    again: bool


def arguments(words: Sequence[str] | None) -> tuple[Order, str | None]:
    """The order, and the master where it is named."""
    parser = argparse.ArgumentParser(prog="rstscan_spark", description="Explains the resets of archives of captures.")
    add = parser.add_argument
    add(
        "inputs",
        nargs="+",
        metavar="INPUT",
        help="capture, folder, glob, URI, or @FILE with one of these a line",
    )
    add("--out", required=True, help="folder or URI of the result; what is complete there is not done again")
    add(
        "--point",
        help="regular expression whose group `point` is the capture point [default: the folder's name]",
    )
    add(
        "--window-bytes",
        type=int,
        default=Cut.window_bytes,
        help="files of a point that are explained together",
    )
    add(
        "--warm-up",
        type=float,
        default=Cut.warm_up_s,
        metavar="SECONDS",
        help="read before each window [3600]",
    )
    add("--shards", type=int, default=1, help="cut each window into so many by connections [1]")
    add("--rstscan", default="rstscan", help="the program, as it is called on the workers")
    add("--ship", action="store_true", help="--rstscan is a file of this machine: hand it to the workers")
    add("--option", action="append", default=[], help="one more option for rstscan, as --option=--settle=5")
    add("--again", action="store_true", help="also windows that are complete")
    add("--master", help="Spark's master, where spark-submit does not name it: local[4], spark://host:7077")
    got = parser.parse_args(words)
    if got.shards < 1 or got.window_bytes < 1 or got.warm_up < 0:
        parser.error("--shards, --window-bytes and --warm-up are positive")
    cut = Cut(got.window_bytes, got.warm_up, Cut.after_s, got.shards)
    program = Program(got.rstscan, tuple(got.option))
    return Order(tuple(got.inputs), got.out, got.point, cut, program, got.ship, got.again), got.master


def session(master: str | None) -> SparkSession:
    """The session; workers run the Python that the driver runs, unless PYSPARK_PYTHON names another one."""
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder: Any = SparkSession.builder
    builder = builder.appName("rstscan").config("spark.sql.session.timeZone", "UTC")
    if master:
        builder = builder.master(master)
    made: SparkSession = builder.getOrCreate()
    return made


def run(spark: SparkSession, order: Order) -> int:
    """Brings the result up to date with the captures; says what was done."""
    _share_package(spark)
    program = _shipped(spark, order)
    output = Output(spark, order.out)
    done = output.complete()
    captures = listed(order.inputs, re.compile(order.point) if order.point else None)
    captures = without_gone(captures, done)
    if not captures:
        print("no captures found", file=sys.stderr)
        return 2
    known, unreadable, engine = _survey(spark, program, captures)
    settings = "|".join((engine, *program.options, str(order.cut)))
    complete = [] if order.again else done
    planned = windows(known, order.cut, settings, complete)
    planned += [Window.of(f"{settings}|{message}", [], [capture], []) for capture, message in unreadable]
    there = {window.name for window in complete}
    due = [window for window in planned if window.name not in there]
    failed: set[str] = set()
    if due:
        found = _found(spark, program, tasks(due, order.cut.shards))
        found.persist(StorageLevel.DISK_ONLY)
        try:
            output.write(found)
            output.settle_errors(found, [window.name for window in due])
            failed = _failed(found)
        finally:
            found.unpersist()
    planned += outlasting(done, captures)
    output.replace_manifest(planned, failed, engine)
    removed = output.clear({window.name for window in planned})
    print(
        f"{len(captures)} captures, {len(planned)} windows, {len(due)} of them explained now, "
        f"{len(unreadable)} captures unreadable, {removed} outdated folders removed"
    )
    if failed:
        print(f"{len(failed)} windows failed, and are tried again by the next job: see errors", file=sys.stderr)
    return int(bool(failed))


def _failed(found: DataFrame) -> set[str]:
    """Windows with a run that did not get to its end."""
    runs = found.where(found["kind"] == "run").select("window", "status").distinct().collect()
    return {row["window"] for row in runs if row["status"] not in ENDED}


def _share_package(spark: SparkSession) -> None:
    """Hands this package to the workers, which need not have it installed."""
    folder = tempfile.mkdtemp(prefix="rstscan-spark-")
    atexit.register(shutil.rmtree, folder, True)
    package = Path(__file__).parent
    archive = shutil.make_archive(f"{folder}/rstscan_spark", "zip", package.parent, package.name)
    spark.sparkContext.addPyFile(archive)


def _shipped(spark: SparkSession, order: Order) -> Program:
    if not order.ship:
        return order.program
    spark.sparkContext.addFile(order.program.path)
    # Where the file lies on a worker is known there only.
    return Program(f"shipped:{Path(order.program.path).name}", order.program.options)


def _here(program: Program) -> Program:
    if program.path.startswith("shipped:"):
        return Program(SparkFiles.get(program.path.removeprefix("shipped:")), program.options)
    return program


def _partitioned(
    spark: SparkSession, parts: int, work: Callable[[int], Iterable[pa.RecordBatch]], shape: str
) -> DataFrame:
    """A table of what `work` makes of each number below `parts`, one task a number."""

    def each(numbers: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in numbers:
            for number in batch.column(0).to_pylist():
                yield from work(number)

    return spark.range(0, parts, 1, numPartitions=parts).mapInArrow(each, shape)


def _survey(
    spark: SparkSession, program: Program, captures: list[Capture]
) -> tuple[list[tuple[Capture, int]], list[tuple[Capture, str]], str]:
    """The captures with the times they begin at, those that cannot be read, and which rstscan the workers have."""
    shared = spark.sparkContext.broadcast(captures)

    def work(part: int) -> Iterator[pa.RecordBatch]:
        own = range(part * AT_ONCE, min((part + 1) * AT_ONCE, len(shared.value)))
        begins = [begin(_here(program), shared.value[at]) for at in own]
        columns = [
            list(own),
            *([getattr(each, name) for each in begins] for name in Begin.__dataclass_fields__),
        ]
        yield pa.RecordBatch.from_arrays(
            [pa.array(c, t) for c, t in zip(columns, BEGINS.types, strict=True)], schema=BEGINS
        )

    parts = -(-len(captures) // AT_ONCE)
    found = _partitioned(spark, parts, work, "at bigint, first_ns bigint, message string, engine string").collect()
    engines = {row["engine"] for row in found}
    if len(engines) != 1:
        raise ValueError(f"the workers have different programs: {', '.join(sorted(engines))}")
    known = [(captures[row["at"]], row["first_ns"]) for row in found if row["first_ns"] is not None]
    unreadable = [(captures[row["at"]], row["message"]) for row in found if row["message"] is not None]
    return known, unreadable, engines.pop()


def _found(spark: SparkSession, program: Program, todo: list[Task]) -> DataFrame:
    """All rows of these tasks, one partition a task, in the order of the plan."""
    shared = spark.sparkContext.broadcast(todo)
    attempts = _attempts(spark)

    def work(part: int) -> Iterator[pa.RecordBatch]:
        context = TaskContext.get()
        last = context is None or context.attemptNumber() + 1 >= attempts
        yield from rows.batches(scan(_here(program), shared.value[part], last))

    return _partitioned(spark, len(todo), work, rows.SPARK)


def _attempts(spark: SparkSession) -> int:
    """How often Spark tries a task before it gives the job up; a local master tries once unless it is told to."""
    master = spark.sparkContext.master or ""
    local = re.fullmatch(r"local(?:\[[^,\]]+(?:,\s*(\d+))?\])?", master)
    if local:
        return int(local[1] or 1)
    return int(spark.sparkContext.getConf().get("spark.task.maxFailures", "4") or 4)


def main(words: Sequence[str] | None = None) -> int:
    """The program."""
    order, master = arguments(words)
    spark = session(master)
    try:
        return run(spark, order)
    finally:
        spark.stop()
