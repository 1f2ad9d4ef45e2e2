"""How archives are cut, and what becomes of columns; without Spark."""

from __future__ import annotations

import dataclasses
import json
import re
import tempfile
import unittest
from pathlib import Path

from rstscan_spark import rows, scan
from rstscan_spark.child import Lines
from rstscan_spark.inputs import Capture, listed
from rstscan_spark.plan import NS, Cut, Task, Window, outlasting, tasks, windows, without_gone

MINUTE = 60 * NS


def captures(count: int, point: str = "edge", size: int = 10) -> list[tuple[Capture, int]]:
    """One a minute, from the first."""
    return [(Capture(point, f"/{point}/{at:02}", size, 1), at * MINUTE) for at in range(count)]


def names(part: tuple[Capture, ...]) -> str:
    """The minutes of the captures of a part."""
    return " ".join(capture.path[-2:] for capture in part)


def shown(planned: list[Window]) -> list[tuple[str, str, str]]:
    return [(names(window.warm_up), names(window.files), names(window.after)) for window in planned]


class Plan(unittest.TestCase):
    cut = Cut(window_bytes=20, warm_up_s=90.0, after_s=5.0)

    def test_windows_have_what_came_before_and_the_beginning_of_what_follows(self) -> None:
        planned = windows(captures(5), self.cut, "s")
        # 90 s before minute 2 is in the file of minute 0; the file of minute 2 begins 90 s and more before minute 4.
        expected = [("", "00 01", "02"), ("00 01", "02 03", "04"), ("02 03", "04", "")]
        self.assertEqual(shown(planned), expected)

    def test_every_capture_is_reported_once_whatever_the_cut(self) -> None:
        for size in (1, 10, 35, 1000):
            for warm_up in (0.0, 1.0, 1e6):
                planned = windows(captures(7) + captures(3, "core"), Cut(size, warm_up), "s")
                reported = [capture.path for window in planned for capture in window.files]
                self.assertEqual(sorted(reported), sorted(c.path for c, _ in captures(7) + captures(3, "core")))
                self.assertTrue(all({c.point for c in window.files} == {window.point} for window in planned))
                self.assertTrue(warm_up or not any(window.warm_up for window in planned))

    def test_short_files_after_a_window_are_read_until_the_settle_time_is_over(self) -> None:
        found = [(capture, at * 2 * NS) for at, (capture, _) in enumerate(captures(6))]
        self.assertEqual(shown(windows(found, self.cut, "s"))[0], ("", "00 01", "02 03 04"))

    def test_names_are_those_of_the_rows(self) -> None:
        found = captures(4)
        planned = windows(found, self.cut, "s")
        self.assertEqual(planned, windows(reversed(found), self.cut, "s"))
        self.assertNotEqual(planned[0].name, windows(found, self.cut, "t")[0].name)
        changed = [(dataclasses.replace(capture, size=9) if first == 0 else capture, first) for capture, first in found]
        self.assertTrue({w.name for w in planned}.isdisjoint(w.name for w in windows(changed, self.cut, "s")))

    def test_what_is_complete_stays_when_captures_come_and_go(self) -> None:
        complete = windows(captures(5), self.cut, "s")
        later = windows(captures(8)[1:], self.cut, "s", complete)
        self.assertEqual(later[:2], complete[:2], "the file of minute 0 is gone, its rows are not")
        self.assertEqual(shown(later)[2:], [("02 03", "04 05", "06"), ("04 05", "06 07", "")])
        self.assertEqual(windows(captures(8)[1:], self.cut, "other", complete)[0].files[0].path, "/edge/01")

    def test_a_capture_that_came_in_between_changes_its_neighbours(self) -> None:
        without = [each for each in captures(8) if each[1] != 3 * MINUTE]
        complete = windows(without, self.cut, "s")
        common = [("", "00 01", "02"), ("05 06", "07", "")]
        self.assertEqual(shown(complete)[1:3], [("00 01", "02 04", "05"), ("02 04", "05 06", "07")])
        later = windows(captures(8), self.cut, "s", complete)
        between = [("00 01", "02 03", "04"), ("02 03", "04 05", "06"), ("04 05", "06", "07")]
        self.assertEqual(shown(later)[1:4], between)
        self.assertEqual(shown([later[0], later[4]]), common)
        self.assertEqual([later[0], later[4]], [complete[0], complete[3]])

    def test_rows_outlast_captures_that_are_gone(self) -> None:
        complete = windows(captures(4), self.cut, "s")
        self.assertEqual(outlasting(complete, [captures(4)[3][0]]), complete[:1])
        gone = Capture("edge", "/edge/00", -1, 0)
        never = Capture("edge", "/edge/77", -1, 0)
        self.assertEqual(without_gone([gone, never], complete), [never])

    def test_a_manifest_gives_back_its_windows(self) -> None:
        complete = windows(captures(4), self.cut, "s")
        kept = json.loads(json.dumps([dataclasses.asdict(window) for window in complete]))
        self.assertEqual([Window.loaded(each) for each in kept], complete)

    def test_the_program_is_called_with_each_part_as_what_it_is(self) -> None:
        window = windows(captures(5), self.cut, "s")[1]
        paths = [capture.path for capture, _ in captures(5)]
        words = scan.command(scan.Program("rstscan", ("--settle=5",)), Task(window, 2, 3), {p: p for p in paths[1:]})
        expected = (
            "rstscan --json -qq --settle=5 --shard 2/3 --warm-up /edge/01 -r /edge/02 -r /edge/03 --read-on /edge/04"
        )
        self.assertEqual(words, expected.split(), "and without the file that cannot be opened")
        self.assertEqual(len(tasks([window], 3)), 3)


class Scan(unittest.TestCase):
    """What a worker makes of a program that ends in one way or another."""

    def rows_of(self, script: str, last_attempt: bool) -> list[rows.Row]:
        with tempfile.TemporaryDirectory() as name:
            program, capture = Path(name) / "program", Path(name) / "a.pcap"
            program.write_text(f"#!/bin/sh\n{script}\n")
            program.chmod(0o755)
            capture.write_bytes(b"x")
            window = Window.of("s", [], [Capture("edge", str(capture), 1, 0)], [])
            made = list(scan.scan(scan.Program(str(program)), Task(window, 1, 1), last_attempt))
            return [row | {"file": row.get("file") and Path(str(row["file"])).name} for row in made]

    def test_damage_is_a_row_and_the_run_has_ended(self) -> None:
        script = 'echo "rstscan: $4: cut off" >&2; echo \'{"type":"summary","frames":7}\'; exit 1'
        error, run = self.rows_of(script, last_attempt=False)
        self.assertEqual((error["kind"], error["file"], error["message"]), ("error", "a.pcap", "cut off"))
        self.assertEqual((run["kind"], run["frames"], run["status"]), ("run", 7, 1))
        self.assertIn(run["status"], scan.ENDED)

    def test_a_program_that_is_killed_fails_until_the_last_attempt(self) -> None:
        with self.assertRaisesRegex(scan.ScanFailed, "status -9"):
            self.rows_of("kill -9 $$", last_attempt=False)
        error, run = self.rows_of("kill -9 $$", last_attempt=True)
        self.assertIn("status -9", str(error["message"]))
        self.assertNotIn(run["status"], scan.ENDED)

    def test_a_wrong_call_fails_whatever_the_attempt(self) -> None:
        with self.assertRaisesRegex(scan.ScanFailed, "no such option"):
            self.rows_of("echo no such option >&2; exit 2", last_attempt=True)

    def test_a_capture_that_is_gone_is_a_row(self) -> None:
        window = Window.of("s", [], [Capture("edge", "/nowhere/a.pcap", 1, 0)], [])
        (error,) = scan.scan(scan.Program("false"), Task(window, 1, 1), False)
        self.assertEqual((error["file"], error["message"]), ("/nowhere/a.pcap", "No such file or directory"))

    def test_a_worker_that_stops_listening_leaves_no_program_behind(self) -> None:
        lines = Lines(["sh", "-c", "echo $$; exec sleep 600"])
        listened = iter(lines)
        process = int(next(listened))
        listened.close()  # type: ignore[attr-defined]
        self.assertFalse(Path(f"/proc/{process}").exists())


class Rows(unittest.TestCase):
    def test_times_keep_their_nanoseconds(self) -> None:
        time = "2023-11-14T22:13:20.000398656Z"
        self.assertEqual(rows.nanoseconds(time), 1_700_000_000_000_398_656)
        self.assertEqual(rows.instant(time).isoformat(), "2023-11-14T22:13:20.000398+00:00")

    def test_names_of_copies_are_put_back_wherever_they_stand(self) -> None:
        line = '{"file":"/t/1","trigger":{"frame":1,"file":"/t/2"},"evidence":[{"file":"/t/1"}],"summary":"/t/1"}'
        told, _ = rows.renamed(line, {"/t/1": "s3://ä", "/t/2": "s3://c"})
        expected = (
            '{"file":"s3://ä","trigger":{"frame":1,"file":"s3://c"},"evidence":[{"file":"s3://ä"}],"summary":"/t/1"}'
        )
        self.assertEqual(told, expected)
        self.assertEqual(rows.renamed(line, {})[0], line)


class Inputs(unittest.TestCase):
    def test_folders_globs_lists_and_uris_name_the_same_captures(self) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for file in ("edge/1.pcap", "edge/2.pcap.gz", "core/1.pcap", "core/notes.txt", "core/.hidden"):
                (folder / file).parent.mkdir(exist_ok=True)
                (folder / file).write_bytes(b"x")
            words = folder / "list.txt"
            words.write_text(f"# all\n{folder}/edge\n\n{folder}/core\n")
            whole = listed([f"{folder}/edge", f"{folder}/core"], None)
            self.assertEqual([(c.point, Path(c.path).name) for c in whole][:1], [("core", "1.pcap")])
            self.assertEqual(len(whole), 3)
            self.assertEqual(listed([f"@{words}"], None), whole)
            self.assertEqual(listed([f"{folder}/*/*.pcap*", f"{folder}/edge/1.pcap"], None), whole)
            for uri in (f"file://{folder}", f"file://{folder}/*/*"):
                local = [dataclasses.replace(c, path=c.path.removeprefix("file://")) for c in listed([uri], None)]
                self.assertEqual(local, whole)

    def test_points_are_found_in_names_and_what_is_named_and_missing_is_kept(self) -> None:
        (capture,) = listed(["/data/2026-11-23/tap7-0001.pcap"], re.compile(r"/(?P<point>[^/]+)-\d+\.pcap"))
        self.assertEqual((capture.point, capture.size), ("tap7", -1))
        with self.assertRaises(ValueError):
            listed(["/data/x.pcap"], re.compile("(?P<point>y)"))


if __name__ == "__main__":
    unittest.main()
