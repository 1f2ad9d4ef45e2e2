"""The result: three tables of Parquet files, and the manifest that says which windows of them count.

    OUT/resets/day=2026-11-23/window=NAME/*.parquet
    OUT/errors/window=NAME/*.parquet
    OUT/runs/window=NAME/*.parquet
    OUT/manifest.json

The name of a window says what its rows are made of (`plan`), so writing one again puts the same rows in the same place.
The manifest is replaced in one step after all rows are there, and what it does not name is removed after that.
Wherever a job dies, the next one finds either the old manifest with its windows, or the new one: whoever reads only the
windows that the manifest names never sees a row twice, or half of a window.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from pyspark.sql import DataFrame, SparkSession

from . import rows
from .plan import Window

FORMAT = 1
NO_WINDOW = "none"
NO_PARTITION = {"day": "day=1970-01-01", "window": f"window={NO_WINDOW}"}
TABLES = {"resets": ("reset", rows.RESETS), "errors": ("error", rows.ERRORS), "runs": ("run", rows.RUNS)}


class Output:
    """A folder on any file system that Spark writes to."""

    def __init__(self, spark: SparkSession, folder: str) -> None:
        context = spark.sparkContext
        assert context._jvm is not None and context._gateway is not None
        self._gateway: Any = context._gateway
        self._hadoop: Any = context._jvm.org.apache.hadoop
        self._root = self._hadoop.fs.Path(folder)
        self._configuration = context._jsc.hadoopConfiguration()
        self._files = self._root.getFileSystem(self._configuration)
        self.folder = folder

    def _path(self, name: str) -> Any:
        return self._hadoop.fs.Path(self._root, name)

    def manifest(self) -> dict[str, Any]:
        """What the latest job has left; without one, nothing counts."""
        path = self._path("manifest.json")
        if not self._files.exists(path):
            return {"format": FORMAT, "windows": [], "failed": []}
        stream = self._files.open(path)
        try:
            text = self._hadoop.shaded.org.apache.commons.io.IOUtils.toString(stream, "UTF-8")
        finally:
            stream.close()
        found: dict[str, Any] = json.loads(text)
        if found.get("format") != FORMAT:
            raise ValueError(f"{self.folder}: written by another version of this job")
        return found

    def complete(self) -> list[Window]:
        """The windows whose rows are all there; those that failed are not among them."""
        found = self.manifest()
        return [Window.loaded(each) for each in found["windows"] if each["name"] not in found["failed"]]

    def write(self, found: DataFrame) -> None:
        """Puts the rows of windows into the tables, in place of any earlier rows of the same windows."""
        for table, (kind, columns) in TABLES.items():
            partitions = ["day", "window"] if table == "resets" else ["window"]
            chosen = found.where(found["kind"] == kind).select(*partitions, *columns)
            self._make(table, partitions, chosen.select(columns))
            writer = chosen.write.mode("overwrite").option("partitionOverwriteMode", "dynamic")
            writer.partitionBy(*partitions).option("compression", "zstd").parquet(str(self._path(table)))

    def settle_errors(self, found: DataFrame, windows: Iterable[str]) -> None:
        """Removes the earlier errors of windows that have none now: overwriting leaves what no new row replaces."""
        rows = found.where(found["kind"] == "error").select("window").distinct().collect()
        for name in {*windows} - {row["window"] for row in rows}:
            self._files.delete(self._path(f"errors/window={name}"), True)

    def _make(self, table: str, partitions: list[str], like: DataFrame) -> None:
        """A table without rows has its columns all the same, in a file of a window that there is not."""
        folder = "/".join([table, *(NO_PARTITION[name] for name in partitions)])
        if not self._files.exists(self._path(f"{folder}/_SUCCESS")):
            empty = like.sparkSession.createDataFrame([], like.schema)
            empty.write.mode("overwrite").parquet(str(self._path(folder)))

    def replace_manifest(self, windows: Iterable[Window], failed: Iterable[str], engine: str) -> None:
        """Says which windows count from now on, all at once; `failed` are the names of those to be tried again."""
        content = {"format": FORMAT, "engine": engine, "failed": sorted(failed), "windows": [*map(asdict, windows)]}
        text = json.dumps(content, indent=1, ensure_ascii=False)
        draft = self._path("_manifest.json")
        stream = self._files.create(draft, True)
        try:
            stream.write(bytearray(text.encode()))
        finally:
            stream.close()
        rename = self._hadoop.fs.Options.Rename
        overwrite = self._gateway.new_array(rename, 1)
        overwrite[0] = rename.OVERWRITE
        context = self._hadoop.fs.FileContext.getFileContext(self._files.getUri(), self._configuration)
        context.rename(
            self._files.makeQualified(draft),
            self._files.makeQualified(self._path("manifest.json")),
            overwrite,
        )

    def clear(self, windows: set[str]) -> int:
        """Removes rows of all windows but these; says of how many folders."""
        removed = 0
        for pattern in ("resets/day=*/window=*", "errors/window=*", "runs/window=*"):
            for status in self._files.globStatus(self._path(pattern)) or []:
                path = status.getPath()
                if path.getName().removeprefix("window=") not in {*windows, NO_WINDOW}:
                    removed += bool(self._files.delete(path, True))
        for status in self._files.globStatus(self._path("resets/day=*")) or []:
            if not len(self._files.listStatus(status.getPath())):
                self._files.delete(status.getPath(), False)
        return removed
