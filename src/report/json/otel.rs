//! A reset as a log record of OpenTelemetry, in the JSON of its protocol: one `LogsData` a line, as files of the protocol
//! have them and the collector's `otlpjsonfile` receiver reads them.
//!
//! * Logs Data Model, specification 1.55: <https://opentelemetry.io/docs/specs/otel/logs/data-model/>
//! * Protocol File Exporter: <https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/>
//! * Semantic conventions 1.44, source, destination, client, server, network, error:
//!   <https://opentelemetry.io/docs/specs/semconv/registry/attributes/>

use serde_json::{Value, json};

use super::style::Native;
use crate::analyzer::Finding;
use crate::classify::Role;

const SEMANTIC_CONVENTIONS: &str = "https://opentelemetry.io/schemas/1.44.0";

/// The native keys that have a place of their own.
const MAPPED: [&str; 7] = ["type", "time", "src", "sport", "dst", "dport", "summary"];

/// The line of a reset.
pub fn logs_data(line: &Native<'_>) -> Value {
    // Numbers of the Logs Data Model, "Field: SeverityNumber".
    let (severity, name) = if line.benign() == Some(false) { (13, "WARN") } else { (9, "INFO") };
    let record = json!({
        "timeUnixNano": line.finding.reset.time.as_nanos().to_string(),
        "severityNumber": severity,
        "severityText": name,
        "eventName": "rstscan.reset",
        "body": { "stringValue": line.text("summary") },
        "attributes": attributes(line),
    });
    let scope = json!({ "name": "rstscan", "version": env!("CARGO_PKG_VERSION") });
    let resource = json!({ "attributes": [pair("service.name", &json!("rstscan"))] });
    json!({
        "resourceLogs": [{
            "resource": resource,
            "scopeLogs": [{ "scope": scope, "logRecords": [record], "schemaUrl": SEMANTIC_CONVENTIONS }],
        }],
    })
}

fn attributes(line: &Native<'_>) -> Vec<Value> {
    let Finding { reset, verdict, .. } = line.finding;
    let (src, dst) = (reset.tuple.src, reset.tuple.dst);
    let mut known = vec![
        ("network.transport", json!("tcp")),
        ("network.type", json!(line.network_type())),
        ("source.address", json!(src.ip())),
        ("source.port", json!(src.port())),
        ("destination.address", json!(dst.ip())),
        ("destination.port", json!(dst.port())),
    ];
    let roles = verdict.sender_role.map(|role| if role == Role::Client { (src, dst) } else { (dst, src) });
    if let Some((client, server)) = roles {
        known.extend([
            ("client.address", json!(client.ip())),
            ("client.port", json!(client.port())),
            ("server.address", json!(server.ip())),
            ("server.port", json!(server.port())),
        ]);
    }
    known.extend(line.protocol().map(|protocol| ("network.protocol.name", json!(protocol))));
    let seen = verdict.effect.application.map(|application| application.id());
    let error = seen.filter(|seen| seen.starts_with('E') && *seen != "EOF");
    known.extend(error.map(|error| ("error.type", json!(error))));
    let mut attributes: Vec<Value> = known.iter().map(|(key, value)| pair(key, value)).collect();
    for (key, value) in line.flat(&MAPPED) {
        attributes.push(pair(&key, &value));
    }
    attributes
}

fn pair(key: &str, value: &Value) -> Value {
    json!({ "key": key, "value": any_value(value) })
}

/// `AnyValue` of the protocol. Integers have 64 bits there, which Protobuf's JSON mapping writes as text.
fn any_value(value: &Value) -> Value {
    match value {
        Value::Null => json!({}),
        Value::Bool(truth) => json!({ "boolValue": truth }),
        Value::Number(number) if number.is_f64() => json!({ "doubleValue": number }),
        Value::Number(number) => json!({ "intValue": number.to_string() }),
        Value::String(text) => json!({ "stringValue": text }),
        Value::Array(values) => {
            json!({ "arrayValue": { "values": values.iter().map(any_value).collect::<Vec<_>>() } })
        }
        Value::Object(keys) => {
            let values: Vec<Value> = keys.iter().map(|(key, value)| pair(key, value)).collect();
            json!({ "kvlistValue": { "values": values } })
        }
    }
}
