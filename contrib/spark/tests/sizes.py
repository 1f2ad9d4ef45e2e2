"""How large rows are, and what making them costs: `sizes.py FILE`, lines of resets as `rstscan --json` writes them."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rstscan_spark import rows  # noqa: E402


def main() -> None:
    """Bytes a row in each form, and rows that one processor makes in a second."""
    text = Path(sys.argv[1]).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.startswith('{"type":"reset"')]
    began = time.process_time()
    table = pa.Table.from_batches(rows.batches(rows.reset(line, json.loads(line), "w", "p") for line in lines))
    seconds = time.process_time() - began
    table = table.select(rows.RESETS)
    sizes = {"json": sum(len(line.encode()) + 1 for line in lines)}
    sizes["json, zstd"] = pa.Codec("zstd", compression_level=3).compress("\n".join(lines).encode()).size
    with tempfile.TemporaryDirectory() as folder:
        for name, kept in {"parquet": table, "parquet without json": table.drop(["json"])}.items():
            file = Path(folder) / "rows.parquet"
            pq.write_table(kept, file, compression="zstd")
            sizes[name] = file.stat().st_size
    print(f"{len(lines)} rows")
    for name, size in sizes.items():
        print(f"{size / len(lines):7.0f} bytes a row  {name}")
    print(f"{len(lines) / seconds:7.0f} rows a second of processor time")


if __name__ == "__main__":
    main()
