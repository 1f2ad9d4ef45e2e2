"""Columns of what rstscan prints: those of its own tables (`docs/formats.md`), with point, window and the line itself.

`day`, `time_ns` and `json` are added: partitions are days, Spark's timestamps end at microseconds, and a line keeps
what has no column. All three tables leave the workers in one shape, as a job reads its captures once; `kind` tells them
apart.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pyarrow as pa

Json = dict[str, Any]
Row = dict[str, Any]

TYPES = {
    "text": (pa.string(), "string"),
    "integer": (pa.int64(), "bigint"),
    "boolean": (pa.bool_(), "boolean"),
    "time": (pa.timestamp("us", tz="UTC"), "timestamp"),
    "number": (pa.float64(), "double"),
}
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def nanoseconds(time: str) -> int:
    """Nanoseconds since 1970 of a time as rstscan writes it: `2023-11-14T22:13:20.000398656Z`."""
    whole = datetime.fromisoformat(f"{time[:19]}+00:00")
    return int((whole - EPOCH).total_seconds()) * 1_000_000_000 + int(time[20:29])


def instant(time: str) -> datetime:
    """The same to the microsecond."""
    return EPOCH + timedelta(microseconds=nanoseconds(time) // 1000)


def _joined(parts: Iterable[str], between: str) -> str | None:
    return between.join(parts) or None


def _heard(row: Json, side: str) -> str | None:
    heard = row.get("application", {}).get(side)
    return f"{heard['protocol']} {heard['text']}" if heard else None


def _process(row: Json) -> Json:
    found: Json = row.get("kernel", {}).get("process") or {}
    return found


def _trigger(row: Json) -> Json:
    return row.get("trigger") or {}


def _passage(row: Json) -> str | None:
    points = row.get("points")
    if not points or points["certainty"] == "possible" or points["passage"] in {"unknown", "not-joined"}:
        return None
    return str(points["passage"])


def _key(name: str) -> Callable[[Json], Any]:
    return lambda row: row.get(name)


# The columns of rstscan's own tables, in their order: name, type, and how the value is found in a line of JSON.
COLUMNS: list[tuple[str, str, Callable[[Json], Any]]] = [
    ("file", "text", _key("file")),
    ("frame", "integer", _key("frame")),
    ("time", "time", lambda row: instant(row["time"])),
    ("src", "text", _key("src")),
    ("sport", "integer", _key("sport")),
    ("dst", "text", _key("dst")),
    ("dport", "integer", _key("dport")),
    ("service", "text", _key("service")),
    ("service_port", "integer", lambda row: int(row["service"].rpartition(":")[2])),
    ("class", "text", _key("class")),
    ("cause", "text", _key("cause")),
    ("certainty", "text", _key("certainty")),
    ("form", "text", _key("form")),
    ("sender_role", "text", _key("sender_role")),
    ("follows", "integer", _key("follows")),
    ("benign", "boolean", _key("benign")),
    ("on_peer", "text", lambda row: row["effect"]["on_peer"]),
    ("application", "text", lambda row: row["effect"].get("application")),
    ("bytes_lost_to_sender", "integer", lambda row: row["effect"].get("bytes_lost_to_sender")),
    ("bytes_lost_to_peer", "integer", lambda row: row["effect"].get("bytes_lost_to_peer")),
    ("trigger_frame", "integer", lambda row: _trigger(row).get("frame")),
    ("trigger_file", "text", lambda row: _trigger(row).get("file")),
    ("trigger_after_ns", "integer", lambda row: _trigger(row).get("after_ns")),
    ("idle_ns", "integer", _key("idle_ns")),
    ("client_state", "text", lambda row: row["state"].get("client")),
    ("server_state", "text", lambda row: row["state"].get("server")),
    ("connection", "integer", _key("connection")),
    ("incarnation", "integer", _key("incarnation")),
    ("stream", "integer", _key("stream")),
    ("community_id", "text", _key("community_id")),
    ("flags", "text", _key("flags")),
    ("seq", "integer", _key("seq")),
    ("ack", "integer", _key("ack")),
    ("win", "integer", _key("win")),
    ("len", "integer", _key("len")),
    ("ttl", "integer", _key("ttl")),
    ("ip_id", "integer", _key("ip_id")),
    ("layers", "text", lambda row: _joined(row.get("encap", {}).get("layers", []), ", ")),
    ("client_said", "text", lambda row: _heard(row, "from_client")),
    ("server_said", "text", lambda row: _heard(row, "from_server")),
    ("says", "text", lambda row: _joined(row.get("says", []), "; ")),
    ("evidence", "text", lambda row: _joined((fact["fact"] for fact in row["evidence"]), " ")),
    (
        "alternatives",
        "text",
        lambda row: _joined((f"{other['class']}/{other['cause']}" for other in row["alternatives"]), " "),
    ),
    ("missing", "text", lambda row: _joined(row["missing"], " ")),
    ("summary", "text", _key("summary")),
    ("advice", "text", _key("advice")),
    ("src_name", "text", lambda row: row.get("names", {}).get("src")),
    ("dst_name", "text", lambda row: row.get("names", {}).get("dst")),
    ("service_name", "text", lambda row: row.get("names", {}).get("service")),
    ("passage", "text", _passage),
    ("kernel_reason", "text", lambda row: row.get("kernel", {}).get("reason")),
    ("process", "text", lambda row: _process(row).get("command")),
    ("pid", "integer", lambda row: _process(row).get("pid")),
]

# The columns of each table in the result, beside its partitions.
RESETS = ["point", *(name for name, _, _ in COLUMNS), "time_ns", "json"]
ERRORS = ["point", "file", "shard", "status", "message"]
RUNS = [
    "point",
    "shard",
    "shards",
    "files",
    "bytes",
    "status",
    "frames",
    "connections",
    "resets",
    "first",
    "last",
    "seconds",
    "json",
]

# What leaves a worker: name and type.
SHAPE: list[tuple[str, str]] = [
    ("kind", "text"),
    ("window", "text"),
    ("day", "text"),
    ("point", "text"),
    *((name, kind) for name, kind, _ in COLUMNS),
    ("time_ns", "integer"),
    ("json", "text"),
    ("message", "text"),
    *((name, "integer") for name in ("shard", "shards", "status", "files", "bytes", "frames", "connections", "resets")),
    ("first", "time"),
    ("last", "time"),
    ("seconds", "number"),
]
ARROW = pa.schema([(name, TYPES[kind][0]) for name, kind in SHAPE])
SPARK = ", ".join(f"`{name}` {TYPES[kind][1]}" for name, kind in SHAPE)


def reset(line: str, row: Json, window: str, point: str) -> Row:
    """The row of a reset; `line` is `row` as rstscan wrote it."""
    made: Row = {name: value(row) for name, _, value in COLUMNS}
    made |= {"kind": "reset", "window": window, "point": point, "day": row["time"][:10]}
    return made | {"time_ns": nanoseconds(row["time"]), "json": line}


def batches(rows: Iterable[Row], size: int = 4096) -> Iterator[pa.RecordBatch]:
    """Rows as Arrow hands them to Spark."""
    held: list[Row] = []
    for row in rows:
        held.append(row)
        if len(held) >= size:
            yield pa.RecordBatch.from_pylist(held, schema=ARROW)
            held = []
    if held:
        yield pa.RecordBatch.from_pylist(held, schema=ARROW)


def renamed(line: str, names: dict[str, str]) -> tuple[str, Json]:
    """A line and what it says, with the names that files have for the user instead of those of copies."""
    row: Json = json.loads(line)
    if not names:
        return line, row
    row = _with_names(row, names)
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")), row


def _with_names(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            key: names.get(each, each) if key == "file" else _with_names(each, names) for key, each in value.items()
        }
    if isinstance(value, list):
        return [_with_names(each, names) for each in value]
    return value
