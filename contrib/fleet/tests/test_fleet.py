"""From agents to answers: lines of two hosts, through the shipped tables, to the shipped queries."""

from __future__ import annotations

import json
import os
import re
import tempfile
import unittest
from datetime import datetime, timedelta, timezone
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import network
import yaml
from engine import FLEET, Engine

HERE = Path(__file__).resolve().parent
RSTSCAN = os.environ["RSTSCAN"]
# What `record` wrote down of the two agents, for machines that have no namespaces: `tests/recorded/ROLE.jsonl`.
RECORDED = HERE / "recorded"
ROLES = ("client", "server")


def shifted(line: str, by: timedelta) -> str:
    """The line of another time: tables forget what is old."""
    row = json.loads(line)
    if "time" in row:
        time = datetime.fromisoformat(row["time"][:19]).replace(tzinfo=timezone.utc) + by
        row["time"] = time.strftime("%Y-%m-%dT%H:%M:%S") + row["time"][19:]
    return json.dumps(row, separators=(",", ":"), ensure_ascii=False)


def recorded() -> dict[str, list[str]]:
    """The lines that are written down, as if they were ten minutes old."""
    lines = {role: (RECORDED / f"{role}.jsonl").read_text(encoding="utf-8").splitlines() for role in ROLES}
    last = max(json.loads(line).get("time", "")[:19] for line in lines["client"])
    then = datetime.fromisoformat(last).replace(tzinfo=timezone.utc)
    by = datetime.now(timezone.utc).replace(microsecond=0) - timedelta(minutes=10) - then
    return {role: [shifted(line, by) for line in lines[role]] for role in ROLES}


class Fleet(unittest.TestCase):
    def setUp(self) -> None:
        self.engine = Engine()
        self.addCleanup(self.engine.close)

    def load(self, lines: dict[str, list[str]], statement: str | None = None) -> None:
        for role, each in lines.items():
            self.engine.insert([(role, line) for line in each], statement)

    def assert_names_what_was_born_between(self) -> None:
        """One of the resets was made by the router in the server's name, and the query tells which."""
        seen = self.engine.query("SELECT node, sport, dport FROM rstscan.resets FINAL ORDER BY node, time")
        at_client = {row["sport"] for row in seen if row["node"] == "client"}
        self.assertLessEqual({network.OWN_PORT, network.FIREWALLED_PORT}, at_client, "the client received both")
        found = self.engine.shipped_query("born-between")
        told = [(row["seen_at"], row["never_sent_by"], row["src"], row["sport"], row["dst"]) for row in found]
        expected = ("client", "server", network.SERVER, network.FIREWALLED_PORT, network.CLIENT)
        self.assertEqual(told, [expected])

    def test_two_agents_name_the_reset_that_was_born_between(self) -> None:
        reason = network.missing()
        if reason is not None:
            self.skipTest(reason)
        with tempfile.TemporaryDirectory() as folder:
            lines = network.record(RSTSCAN, FLEET / "addresses.sh", Path(folder))
        if os.environ.get("RECORD"):
            RECORDED.mkdir(exist_ok=True)
            for role, each in lines.items():
                (RECORDED / f"{role}.jsonl").write_text("\n".join(each) + "\n", encoding="utf-8")
        self.load(lines)
        self.assert_names_what_was_born_between()

    def test_recorded_lines_name_the_reset_that_was_born_between(self) -> None:
        self.load(recorded())
        self.assert_names_what_was_born_between()
        # The same, but the server's host was not there to tell: nothing is claimed.
        self.engine.query("TRUNCATE TABLE rstscan.addresses")
        self.assertEqual(self.engine.shipped_query("born-between"), [])

    def test_rows_say_what_the_lines_say(self) -> None:
        lines = recorded()
        self.load(lines)
        resets = {role: [json.loads(line) for line in each if '"type":"reset"' in line] for role, each in lines.items()}
        columns = (
            "node, toString(time) AS time, replaceOne(toString(src), '::ffff:', '') AS src, sport, seq, ack, ttl, "
            "cause, certainty, service, community_id, on_peer, benign, idle_ns, evidence, missing, line"
        )
        rows = self.engine.query(f"SELECT {columns} FROM rstscan.resets FINAL ORDER BY node, time, sport")
        self.assertEqual(len(rows), sum(len(each) for each in resets.values()))
        told = sorted((role, row["time"], row["sport"], row) for role, each in resets.items() for row in each)
        for row, (role, time, _, line) in zip(rows, told, strict=True):
            self.assertEqual((row["node"], row["time"]), (role, time.replace("T", " ").rstrip("Z")))
            same = ("src", "sport", "seq", "ack", "ttl", "cause", "certainty", "service", "community_id", "missing")
            self.assertEqual({key: row[key] for key in same}, {key: line[key] for key in same})
            self.assertEqual(row["on_peer"], line["effect"]["on_peer"])
            self.assertEqual((row["benign"], row["idle_ns"]), (line.get("benign"), line.get("idle_ns")))
            self.assertEqual(row["evidence"], [fact["fact"] for fact in line["evidence"]])
            self.assertEqual(json.loads(row["line"]), line)
        self.assertEqual(self.engine.query("SELECT * FROM rstscan.strangers"), [])

    def test_a_line_that_nobody_knows_holds_up_no_other(self) -> None:
        (good,) = (
            line for line in recorded()["server"] if '"cause":"unread-data"' in line and '"type":"reset"' in line
        )
        strangers = [good.replace('"schema":1', '"schema":2'), good[:200], "no JSON", good.replace('"src"', '"source"')]
        self.engine.insert([("server", line) for line in (*strangers, good)])
        self.assertEqual(len(self.engine.query("SELECT time FROM rstscan.resets")), 1)
        found = self.engine.query("SELECT node, line FROM rstscan.strangers")
        self.assertEqual(sorted(row["line"] for row in found), sorted(strangers))

    def test_addresses_of_both_versions_have_their_service(self) -> None:
        text = '{"type":"reset","schema":1,"time":"%s","src":"%s","dst":"::1","service":"%s","seq":1}'
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.000000001Z")
        told = [("192.0.2.7", "192.0.2.7:443"), ("2001:db8::7", "[2001:db8::7]:8443")]
        self.engine.insert([("a", text % (now, src, service)) for src, service in told])
        rows = self.engine.query("SELECT service, service_port FROM rstscan.resets ORDER BY service_port")
        self.assertEqual(
            [(row["service"], row["service_port"]) for row in rows], [(told[0][1], 443), (told[1][1], 8443)]
        )

    def test_what_is_delivered_twice_counts_once(self) -> None:
        lines = recorded()
        self.load(lines)
        before = self.engine.shipped_query("top-causes")
        self.load(lines)
        self.assertEqual(self.engine.shipped_query("top-causes"), before)
        resets = sum('"type":"reset"' in line for each in lines.values() for line in each)
        self.assertEqual(self.engine.query("SELECT count() AS n FROM rstscan.resets FINAL"), [{"n": resets}])
        # Each host counts what it sees: of a reset that both saw the counts are two, by node.
        counted = self.engine.query("SELECT node, uniqExactMerge(resets) AS n FROM rstscan.minutes GROUP BY node")
        self.assertEqual(sum(row["n"] for row in counted), resets)

    def test_new_kinds_are_those_that_the_weeks_before_did_not_have(self) -> None:
        lines = recorded()
        self.load(lines)
        kinds = {(row["cause"], row["service_port"]) for row in self.engine.shipped_query("new-kinds")}
        self.assertIn(("unread-data", network.OWN_PORT), kinds)
        week = timedelta(days=7)
        self.load({"client": [shifted(line, -week) for line in lines["client"] if "unread-data" in line]})
        left = {(row["cause"], row["service_port"]) for row in self.engine.shipped_query("new-kinds")}
        self.assertEqual(kinds - left, {("unread-data", network.OWN_PORT)})

    def test_the_deployment_that_resets_came_with_is_named(self) -> None:
        self.load(recorded())
        deploys = [("shop", 15, network.OWN_PORT), ("shop", 5, network.OWN_PORT), ("mail", 15, 25)]
        for name, minutes, port in deploys:
            then = f"now('UTC') - INTERVAL {minutes} MINUTE"
            self.engine.query(f"INSERT INTO rstscan.deploys SELECT {then}, '{name}', 'v{minutes}', {port}")
        found = self.engine.shipped_query("which-deploy")
        told = [(row["name"], row["version"], row["cause"], row["before"], row["after"] > 0) for row in found]
        self.assertEqual(told, [("shop", "v15", "unread-data", 0, True)])

    def test_what_each_shipper_sends_arrives(self) -> None:
        fluent = yaml.safe_load((FLEET / "fluent-bit/fluent-bit.yaml").read_text())
        (output,) = fluent["pipeline"]["outputs"]
        (statement,) = parse_qs(urlsplit(output["uri"]).query)["query"]
        (tail,), (modify,) = fluent["pipeline"]["inputs"], fluent["pipeline"]["filters"]
        self.assertEqual((tail["key"], modify["set"].split()[0], output["format"]), ("line", "node", "json_lines"))
        vector = yaml.safe_load((FLEET / "vector/vector.yaml").read_text())
        sink = vector["sinks"]["clickhouse"]
        self.assertEqual((sink["database"], sink["table"], sink["format"]), ("rstscan", "lines", "json_each_row"))
        self.assertIn('{"node": .host, "line": .message}', vector["transforms"]["lines"]["source"])
        self.load(recorded(), statement)
        arrived = self.engine.query("SELECT count() AS n FROM rstscan.resets FINAL")
        self.assertGreater(arrived[0]["n"], 3)

    def test_lines_in_the_table_of_the_collector_arrive(self) -> None:
        # The columns of the exporter's own table that matter here.
        self.engine.query("CREATE DATABASE otel")
        self.engine.query(
            "CREATE TABLE otel.otel_logs (Timestamp DateTime64(9), Body String, "
            "ResourceAttributes Map(String, String), LogAttributes Map(String, String)) "
            "ENGINE = MergeTree ORDER BY Timestamp"
        )
        self.engine.query((FLEET / "otelcol/clickhouse-otel.sql").read_text())
        for role, lines in recorded().items():
            for line in lines:
                row = {
                    "Body": line,
                    "ResourceAttributes": {"host.name": role},
                    "LogAttributes": {"log.source": "rstscan"},
                }
                self.engine.query(f"INSERT INTO otel.otel_logs FORMAT JSONEachRow {json.dumps(row)}")
        self.assert_names_what_was_born_between()

    def test_the_dashboard_asks_what_the_engine_answers(self) -> None:
        self.load(recorded())
        model = json.loads((FLEET / "grafana/dashboard.json").read_text())
        answers = 0
        for panel in model["panels"]:
            for target in panel["targets"]:
                if "rawSql" in target:
                    sql = re.sub(r"\$__timeFilter\((\w+)\)", r"\1 > now('UTC') - INTERVAL 6 HOUR", target["rawSql"])
                    answers += bool(self.engine.query(sql))
        self.assertEqual(answers, 4)


if __name__ == "__main__":
    unittest.main()
