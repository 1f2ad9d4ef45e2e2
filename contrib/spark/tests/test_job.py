"""The job on clusters of two workers: the rows are those of one pass, whatever happens on the way."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest
from pathlib import Path

import archive
import cluster
import duckdb

RSTSCAN = os.environ["RSTSCAN"]
GENERATE = os.environ["GENERATE"]
ROOT = Path(__file__).resolve().parents[3]
# A file of an archive is about 1.1 MB here: two of them a window.
WINDOW = ["--window-bytes", "2600000"]
# What counts connections from the beginning of what was read, and so differs where the beginning was not read.
COUNTED = ("connection", "incarnation", "stream")


def without_counts(lines: list[str]) -> list[str]:
    """Lines without the numbers of connections."""
    rows = [json.loads(line) for line in lines]
    return sorted(json.dumps({key: value for key, value in row.items() if key not in COUNTED}) for row in rows)


def as_csv(cell: object) -> str:
    """A cell as rstscan writes it."""
    if cell is None:
        return ""
    return str(cell).lower() if isinstance(cell, bool) else str(cell)


class Result:
    """A result as its readers see it: only windows that the manifest names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def query(self, sql: str) -> list[tuple[object, ...]]:
        """The rows of a query, in which OUT stands for the folder."""
        rows: list[tuple[object, ...]] = duckdb.connect().execute(sql.replace("OUT", str(self.folder))).fetchall()
        return rows

    def lines(self, point: str) -> list[str]:
        """What rstscan wrote of the resets of a point, sorted."""
        found = self.query(
            "SELECT json FROM read_parquet('OUT/resets/*/*/*.parquet', hive_partitioning = true) "
            f"WHERE point = '{point}' AND \"window\" IN "
            "(SELECT unnest(windows).name FROM read_json('OUT/manifest.json'))"
        )
        return sorted(str(line) for (line,) in found)

    def errors(self) -> list[tuple[object, ...]]:
        """File and message of each error."""
        return self.query("SELECT point, file, message FROM 'OUT/errors/*/*.parquet' ORDER BY ALL")


class Archive(unittest.TestCase):
    """An archive of two points, in a folder that all tests share and none changes."""

    folder: Path
    points: dict[str, list[Path]]
    whole: dict[str, list[str]]

    @classmethod
    def setUpClass(cls) -> None:
        cls.folder = Path(tempfile.mkdtemp(prefix="rstscan-spark-test-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        big = {
            point: archive.generate(GENERATE, cls.folder / f"{point}.pcap", seed) for seed, point in enumerate("ab", 1)
        }
        cls.points = {
            "edge": archive.cut(big["a"], cls.folder / "captures/edge", 8),
            "core": archive.cut(big["b"], cls.folder / "captures/core", 2),
        }
        cls.whole = {point: archive.one_pass(RSTSCAN, files) for point, files in cls.points.items()}

    def order(self, out: Path, *more: str, captures: Path | None = None, program: str = RSTSCAN) -> list[str]:
        return ["--rstscan", program, "--out", str(out), *WINDOW, *more, str(captures or self.folder / "captures")]

    def assert_whole(self, out: Path) -> None:
        """The same rows as one pass, byte for byte: the warm-up of an hour holds all that came before."""
        for point, lines in self.whole.items():
            self.assertGreater(len(lines), 300)
            self.assert_same(Result(out).lines(point), lines)

    def assert_same(self, found: list[str], expected: list[str]) -> None:
        """The same lines, but for Wireshark's number of a connection."""
        self.assertEqual(archive.without_stream(found), archive.without_stream(expected))

    def test_a_local_cluster_finds_what_one_pass_finds_and_a_second_run_changes_nothing(self) -> None:
        out = self.folder / "plain"
        said = cluster.run(cluster.command(self.order(out)))
        self.assertIn("10 captures", said)
        self.assert_whole(out)
        self.assertEqual(Result(out).errors(), [])
        windows = Result(out).query("SELECT count(*), sum(files) FROM 'OUT/runs/*/*.parquet'")
        self.assertEqual(windows[0][1], 10)
        self.assertGreaterEqual(int(str(windows[0][0])), 6)
        before = {file: file.stat().st_mtime_ns for file in out.rglob("*.parquet")}
        self.assertIn(" 0 of them explained now", cluster.run(cluster.command(self.order(out))))
        self.assertEqual({file: file.stat().st_mtime_ns for file in out.rglob("*.parquet")}, before)
        # A job that died before its manifest: everything is there, and nothing counts.
        (out / "manifest.json").unlink()
        self.assertNotIn(" 0 of them explained now", cluster.run(cluster.command(self.order(out))))
        self.assert_whole(out)
        rows = Result(out).query("SELECT count(*) FROM 'OUT/resets/*/*/*.parquet'")
        self.assertEqual(rows, [(sum(len(lines) for lines in self.whole.values()),)])
        self.queries_of_the_documentation(out)
        self.the_fold_says_what_one_pass_says(out)
        self.columns_are_those_of_csv(out)

    def queries_of_the_documentation(self, out: Path) -> None:
        text = (ROOT / "docs/archives.md").read_text()
        blocks = re.findall(r"```sql\n(.*?)```", text, re.S)
        self.assertGreaterEqual(len(blocks), 5)
        database = duckdb.connect()
        for block in blocks:
            rows = database.execute(block.replace("/data/resets", str(out))).fetchall()
            if "-- may be empty" not in block:
                self.assertTrue(rows or "CREATE" in block, f"nothing comes of\n{block}")

    def the_fold_says_what_one_pass_says(self, out: Path) -> None:
        # The last query of the documentation has written the lines of the point.
        folded = archive.conclusion([RSTSCAN, "--fold", str(out / "edge.jsonl"), "--json", "-qq"])
        words = [word for file in self.points["edge"] for word in ("-r", str(file))]
        whole = archive.conclusion([RSTSCAN, "--json", "-qq", *words])
        self.assertGreater(len(whole[1]), 0)
        self.assertEqual(folded, whole)

    def columns_are_those_of_csv(self, out: Path) -> None:
        files = [word for file in self.points["core"] for word in ("-r", str(file))]
        done = subprocess.run([RSTSCAN, "--format", "csv", "-qq", *files], capture_output=True, text=True, check=True)
        told = list(csv.DictReader(io.StringIO(done.stdout)))
        names = [name for name in told[0] if name != "stream"]
        columns = ", ".join(f'"{name}"' for name in names)
        where = "FROM 'OUT/resets/*/*/*.parquet' WHERE point = 'core' ORDER BY file, frame"
        found = Result(out).query(f"SELECT {columns} {where}")
        self.assertEqual(len(found), len(told))
        times = names.index("time")
        for row, line in zip(found, told, strict=True):
            as_text = [
                "" if cell is None else str(cell).lower() if isinstance(cell, bool) else str(cell) for cell in row
            ]
            # To the second; nanoseconds are compared in `json`.
            as_text[times] = line["time"] = line["time"][:19]
            del line["stream"]
            self.assertEqual(dict(zip(names, as_text, strict=True)), line)

    def test_a_worker_that_is_killed_in_the_middle_changes_nothing(self) -> None:
        out, gate = self.folder / "killed", cluster.Gate(self.folder / "gate")

        def kill() -> None:
            cluster.wait_for("a worker at work", gate.waiting)
            killed = cluster.kill_above(gate.waiting()[0], ["CoarseGrainedExecutorBackend"])
            self.assertEqual(killed, ["CoarseGrainedExecutorBackend"])
            gate.open()

        words = self.order(out, program=gate.program(RSTSCAN))
        cluster.run_and_meanwhile(cluster.command(words), kill)
        self.assert_whole(out)

    def test_a_standalone_cluster_loses_a_machine_and_finds_the_same(self) -> None:
        out, gate = self.folder / "standalone", cluster.Gate(self.folder / "second-gate")

        def kill() -> None:
            cluster.wait_for("a worker at work", gate.waiting)
            kinds = ["CoarseGrainedExecutorBackend", "deploy.worker.Worker"]
            self.assertEqual(cluster.kill_above(gate.waiting()[0], kinds), kinds)
            gate.open()

        with cluster.standalone(self.folder / "cluster") as master:
            words = self.order(out, program=gate.program(RSTSCAN))
            cluster.run_and_meanwhile(cluster.submitted(words, master), kill)
        self.assert_whole(out)

    def test_damaged_and_missing_captures_are_rows_and_what_they_hold_stays(self) -> None:
        captures, out = self.folder / "damaged", self.folder / "of-damaged"
        shutil.copytree(self.folder / "captures/core", captures / "core")
        cut_off = captures / "core/001.pcap"
        content = cut_off.read_bytes()
        cut_off.write_bytes(content[: len(content) // 2])
        (captures / "core/002.pcap").write_bytes(b"no capture at all, but 40 bytes of text.")
        (captures / "core/003.pcap").write_bytes(content[:24])
        missing = captures / "core/004.pcap"
        words = [*self.order(out, captures=captures), str(missing)]
        said = cluster.run(cluster.command(words, "local[2]"))
        self.assertIn("2 captures unreadable", said)
        found = {str(file).rpartition("/")[2]: str(message) for _, file, message in Result(out).errors()}
        self.assertEqual(sorted(found), ["001.pcap", "002.pcap", "004.pcap"])
        self.assertIn("truncated", found["001.pcap"])
        self.assertIn("not a capture", found["002.pcap"])
        self.assertIn("o such file", found["004.pcap"])
        files = [captures / "core" / name for name in ("000.pcap", "001.pcap")]
        self.assert_same(Result(out).lines("core"), archive.one_pass(RSTSCAN, files))
        # It is there after all, and whole: its error goes, its rows come.
        cut_off.write_bytes(content)
        missing.write_bytes(content[:24])
        cluster.run(cluster.command(words, "local[2]"))
        self.assertEqual([str(file)[-8:] for _, file, _ in Result(out).errors()], ["002.pcap"])
        self.assert_same(Result(out).lines("core"), archive.one_pass(RSTSCAN, files))

    def test_a_window_whose_program_is_killed_is_told_and_tried_again(self) -> None:
        out, flag, program = self.folder / "failed", self.folder / "kill", self.folder / "mortal"
        program.write_text(
            f'#!/bin/sh\ncase " $* " in *" -c 1 "*) ;; *" -r {self.points["core"][1]} "*)\n'
            f'  [ -e {flag} ] && kill -9 $$ ;;\nesac\nexec {RSTSCAN} "$@"\n'
        )
        program.chmod(0o755)
        flag.touch()
        words = self.order(out, captures=self.folder / "captures/core", program=str(program))
        cluster.run(cluster.command(words, "local[2]"), status=1)
        ((_, _, message),) = Result(out).errors()
        self.assertIn("status -9", str(message))
        first = [line for line in self.whole["core"] if json.loads(line)["file"] == str(self.points["core"][0])]
        self.assert_same(Result(out).lines("core"), first)
        flag.unlink()
        self.assertIn(" 1 of them explained now", cluster.run(cluster.command(words, "local[2]")))
        self.assert_same(Result(out).lines("core"), self.whole["core"])
        self.assertEqual(Result(out).errors(), [])

    def test_files_that_come_later_are_added_and_rows_outlast_their_captures(self) -> None:
        captures, out = self.folder / "growing", self.folder / "of-growing"
        shutil.copytree(self.folder / "captures/edge", captures / "edge")
        files = sorted((captures / "edge").iterdir())
        whole = archive.one_pass(RSTSCAN, files)
        late = [(file, file.read_bytes()) for file in files[6:]]
        for file, _ in late:
            file.unlink()
        words = self.order(out, "--warm-up", "25", captures=captures)
        cluster.run(cluster.command(words, "local[2]"))
        first = Result(out).lines("edge")
        self.assertEqual(without_counts(first), without_counts(archive.one_pass(RSTSCAN, files[:6])))
        for file, content in late:
            file.write_bytes(content)
        for file in files[:3]:
            file.unlink()
        said = cluster.run(cluster.command(words, "local[2]"))
        self.assertIn("2 of them explained now", said)
        self.assertEqual(without_counts(Result(out).lines("edge")), without_counts(whole))

    def test_shards_and_uris_find_the_same(self) -> None:
        out = self.folder / "sharded"
        captures = f"file://{self.folder}/captures"
        words = ["--rstscan", RSTSCAN, "--ship", "--out", f"file://{out}", "--shards", "2", captures]
        cluster.run(cluster.command(words))
        for point, lines in self.whole.items():
            local = [line.replace("file://", "") for line in Result(out).lines(point)]
            self.assertEqual(without_counts(local), without_counts(lines))


if __name__ == "__main__":
    unittest.main()
