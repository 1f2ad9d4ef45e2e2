"""ClickHouse's engine with the tables as they are shipped, and lines in it as shippers put them there."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from chdb.session import Session

FLEET = Path(__file__).resolve().parents[1]
Row = dict[str, Any]


def statements(file: Path) -> list[str]:
    """The statements of a file, without comments."""
    text = re.sub(r"--.*", "", file.read_text(encoding="utf-8"))
    return [each.strip() for each in text.split(";") if each.strip()]


class Engine:
    """A database in a folder of its own."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="rstscan-fleet-")
        self._session = Session(self._folder.name)
        # Twice: it may be run again.
        for statement in 2 * statements(FLEET / "clickhouse/schema.sql"):
            self._session.query(statement)

    def close(self) -> None:
        """Ends it; the process has room for one only."""
        self._session.close()
        self._folder.cleanup()

    def query(self, sql: str) -> list[Row]:
        """The rows of a query."""
        text = str(self._session.query(sql, "JSONEachRow"))
        return [json.loads(line) for line in text.splitlines()]

    def shipped_query(self, name: str) -> list[Row]:
        """The rows of one of the queries that are shipped."""
        (statement,) = statements(FLEET / f"clickhouse/queries/{name}.sql")
        return self.query(statement)

    def insert(self, lines: Iterable[tuple[str, str]], statement: str | None = None) -> None:
        """Puts lines of nodes in, as a shipper sends them: one object with `node` and `line` each."""
        body = "\n".join(json.dumps({"node": node, "line": line}) for node, line in lines)
        self._session.query(f"{statement or 'INSERT INTO rstscan.lines FORMAT JSONEachRow'}\n{body}")
