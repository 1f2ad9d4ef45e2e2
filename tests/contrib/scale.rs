//! What is handed out for archives and fleets, as far as it can be held against the program without downloading
//! anything: `make test-spark` and `make test-fleet` run it.

use std::collections::BTreeSet;

use rstscan::report::COLUMNS;
use saphyr::{LoadableYamlNode, YamlOwned};
use serde_json::Value;

use super::{text, tool};

/// What stands between two marks, wherever it does.
fn between<'a>(text: &'a str, before: &'a str, after: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(before).skip(1).filter_map(move |rest| rest.split_once(after)).map(|(found, _)| found)
}

fn schema() -> Value {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/schema.json");
    serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

/// A statement of the tables of ClickHouse, from its first words to its end.
fn statement<'a>(tables: &'a str, begins: &str) -> &'a str {
    let begin = tables.find(begins).unwrap_or_else(|| panic!("no statement begins with {begins}"));
    tables[begin..].split_once(";\n").unwrap().0
}

#[test]
fn the_columns_of_the_spark_job_are_those_of_the_program() {
    let rows = text("spark/rstscan_spark/rows.py");
    let list = between(&rows, "COLUMNS: list[tuple[str, str, Callable[[Json], Any]]] = [\n", "\n]\n").next().unwrap();
    // Each begins with its name and its type, on one line or on several.
    let list: String = list.split_whitespace().collect();
    let mut rest = list.as_str();
    for column in COLUMNS {
        let head = format!("(\"{}\",\"{}\",", column.name, column.value.kind());
        let at = rest.find(&head).unwrap_or_else(|| panic!("{head} is missing, or not in its place"));
        rest = &rest[at + head.len()..];
    }
    let kinds = ["text", "integer", "boolean", "time"].map(|kind| list.matches(&format!("\",\"{kind}\",")).count());
    assert_eq!(kinds.iter().sum::<usize>(), COLUMNS.len(), "and there are no others");
}

/// Whether the schema has a key of a reset, by its path.
fn has(schema: &Value, path: &[&str]) -> bool {
    let mut node = &schema["$defs"]["reset"];
    for key in path {
        node = &node["properties"][key];
        while let Some(name) = node["$ref"].as_str() {
            node = schema.pointer(name.trim_start_matches('#')).unwrap();
        }
    }
    !node.is_null()
}

#[test]
fn the_tables_of_the_fleet_take_keys_that_lines_have() {
    let (tables, schema) = (text("fleet/clickhouse/schema.sql"), schema());
    let view = statement(&tables, "CREATE MATERIALIZED VIEW IF NOT EXISTS rstscan.lines_to_resets");
    let calls: Vec<Vec<&str>> = view
        .split("JSONExtract")
        .skip(1)
        // What is asked of a part of a line is seen by the tests with the engine.
        .filter_map(|call| call.split_once("(line, ").filter(|(function, _)| !function.contains('(')))
        .map(|(function, arguments)| {
            let arguments = arguments.split_once(')').unwrap().0;
            let mut keys: Vec<&str> = arguments.split(", '").map(|key| key.trim_matches('\'')).collect();
            // JSONExtract itself takes a type behind the keys, which may have a parenthesis.
            if function.is_empty() {
                keys.pop();
            }
            keys
        })
        .collect();
    assert!(calls.len() > 35);
    for path in &calls {
        assert!(has(&schema, path), "a reset has no key {path:?}");
    }
    assert!(!has(&schema, &["effect", "nothing"]) && has(&schema, &["kernel", "process", "command"]));
}

#[test]
fn views_fill_every_column_of_their_tables() {
    let tables = text("fleet/clickhouse/schema.sql");
    for (table, view) in
        [("resets", "lines_to_resets"), ("addresses", "lines_to_addresses"), ("minutes", "resets_to_minutes")]
    {
        let table = statement(&tables, &format!("CREATE TABLE IF NOT EXISTS rstscan.{table}\n"));
        let body = between(table, "\n(\n", "\n)\n").next().unwrap();
        let columns: BTreeSet<&str> = body
            .lines()
            .filter(|line| line.starts_with("    ") && !line.starts_with("     ") && !line.contains(" ALIAS "))
            .filter_map(|line| line.split_whitespace().next())
            .filter(|word| *word != "INDEX")
            .collect();
        let view = statement(&tables, &format!("CREATE MATERIALIZED VIEW IF NOT EXISTS rstscan.{view} "));
        let chosen = between(view, "SELECT\n", "\nFROM rstscan.").next().unwrap();
        let filled: BTreeSet<&str> = chosen
            .lines()
            .filter(|line| line.starts_with("    ") && !line.starts_with("     "))
            .filter_map(|line| line.trim_end_matches(',').split_whitespace().last())
            .collect();
        assert_eq!(columns, filled);
    }
}

#[test]
fn the_dashboard_and_the_configurations_parse() {
    let model: Value = serde_json::from_str(&text("fleet/grafana/dashboard.json")).unwrap();
    let panels = model["panels"].as_array().unwrap();
    assert!(panels.iter().all(|panel| panel["targets"].as_array().is_some_and(|targets| !targets.is_empty())));
    for name in ["vector/vector.yaml", "fluent-bit/fluent-bit.yaml", "otelcol/otelcol.yaml", "prometheus/rules.yml"] {
        let documents = YamlOwned::load_from_str(&text(&format!("fleet/{name}"))).unwrap();
        assert!(documents.len() == 1 && documents[0].is_mapping(), "{name}");
    }
}

#[test]
fn rules_and_dashboard_ask_for_metrics_that_there_are() {
    let documented = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/agent.md")).unwrap();
    for asked in [text("fleet/prometheus/rules.yml"), text("fleet/grafana/dashboard.json")] {
        // Names of recorded rules have colons, tables of ClickHouse a dot.
        for word in asked.split(|c: char| !(c.is_ascii_alphanumeric() || "_:.".contains(c))) {
            if word.starts_with("rstscan_") && !word.contains([':', '.']) {
                let name = word.trim_end_matches("_bucket");
                assert!(documented.contains(&format!("`{name}`")), "{word} is no metric");
            }
        }
    }
}

#[test]
fn prometheus_takes_the_rules_and_they_fire_when_they_should() {
    for (kind, file) in [("check", "rules.yml"), ("test", "rules.test.yml")] {
        let file = super::path(&format!("fleet/prometheus/{file}"));
        let Some(output) = tool("promtool", &[kind, "rules", file.to_str().unwrap()]) else { return };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
