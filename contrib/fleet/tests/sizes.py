"""How large rows are in ClickHouse: `sizes.py FILE`, lines of resets as `rstscan --json` writes them, of one day."""

from __future__ import annotations

import sys
import time
from datetime import datetime, timezone
from pathlib import Path

from engine import Engine

BATCH = 10_000


def main() -> None:
    """Bytes a row of each table, the largest columns, and rows that one processor takes in a second."""
    today = datetime.now(timezone.utc).date().isoformat()
    lines = [line for line in Path(sys.argv[1]).read_text(encoding="utf-8").splitlines() if '"type":"reset"' in line]
    day = lines[0].partition('"time":"')[2][:10]
    engine = Engine()
    began = time.process_time()
    for at in range(0, len(lines), BATCH):
        engine.insert(("host", line.replace(f'"time":"{day}', f'"time":"{today}')) for line in lines[at : at + BATCH])
    seconds = time.process_time() - began
    for table in ("resets", "minutes"):
        engine.query(f"OPTIMIZE TABLE rstscan.{table} FINAL")
    parts = "FROM system.parts WHERE active AND database = 'rstscan' GROUP BY table ORDER BY table DESC"
    for row in engine.query(f"SELECT table, sum(bytes_on_disk) AS bytes, sum(rows) AS rows {parts}"):
        print(f"{row['bytes'] / len(lines):7.0f} bytes a reset  {row['table']}, {row['rows']} rows")
    columns = "FROM system.parts_columns WHERE active AND table = 'resets' GROUP BY column ORDER BY bytes DESC LIMIT 5"
    for row in engine.query(f"SELECT column, sum(column_data_compressed_bytes) AS bytes {columns}"):
        print(f"{row['bytes'] / len(lines):7.0f}   of them        {row['column']}")
    print(f"{len(lines) / seconds:7.0f} rows a second of processor time")
    engine.close()


if __name__ == "__main__":
    main()
