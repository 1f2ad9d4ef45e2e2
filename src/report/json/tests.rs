//! The styles of other systems.

use serde_json::{Value, json};

use crate::frame::{FrameNo, Layer};
use crate::report::tests::written;
use crate::report::{Format, JsonStyle, Style, fixtures};
use crate::tcp::{Heard, SeqNum, hint};

fn lines(json: JsonStyle) -> Vec<Value> {
    let style = Style { format: Format::Json, json, ..Style::default() };
    let mut findings = fixtures::all();
    findings[0].from_client = Some(Heard {
        frame: FrameNo::new(0, 4),
        seq: SeqNum(1),
        hint: hint(&[22, 3, 1, 0, 5, 1, 0, 0, 1, 0]).unwrap(),
    });
    written(style, &findings).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The line of the reset with this cause.
fn of(json: JsonStyle, cause: &str) -> Value {
    let native = lines(JsonStyle::Native);
    let place = native.iter().position(|line| line["cause"] == cause).unwrap();
    lines(json).swap_remove(place)
}

#[test]
fn other_styles_have_a_line_a_reset_and_nothing_else() {
    let resets = fixtures::all().len();
    assert_eq!(lines(JsonStyle::Native).len(), resets + 1);
    for style in [JsonStyle::Ecs, JsonStyle::Otel, JsonStyle::Zeek] {
        assert_eq!(lines(style).len(), resets);
    }
}

#[test]
fn ecs_has_the_fields_of_its_schema() {
    let mut document = of(JsonStyle::Ecs, "lost-state");
    let own = document["rstscan"].take();
    let (client, server) = (
        json!({ "address": "192.168.1.108", "ip": "192.168.1.108", "port": 55100 }),
        json!({ "address": "192.168.1.109", "ip": "192.168.1.109", "port": 12345 }),
    );
    let expected = json!({
        "@timestamp": "2026-11-22T07:00:34.251490000Z",
        "ecs": { "version": "8.17.0" },
        "message": "192.168.1.109:12345 (server) most likely no longer knows the connection that \
                    192.168.1.108:55100 (client) still uses.",
        "event": {
            "kind": "event", "category": ["network"], "type": ["connection", "end"], "action": "tcp-reset",
            "outcome": "failure", "reason": "lost-state", "module": "rstscan", "dataset": "rstscan.reset",
        },
        "source": server, "destination": client, "client": client, "server": server,
        "network": {
            "transport": "tcp", "type": "ipv4", "protocol": "tls", "community_id": "1:2xPWkMHHgjBk8gySQ+47//DWH2U=",
        },
        "observer": { "product": "rstscan", "type": "sensor", "version": env!("CARGO_PKG_VERSION") },
        "related": { "ip": ["192.168.1.109", "192.168.1.108"] },
        "rstscan": null,
    });
    assert_eq!(document, expected);
    assert_eq!(own["effect"]["on_peer"], "accepted");
    assert_eq!(own["evidence"][0], json!({ "fact": "seq-equals-ack-of", "frame": 4 }));
    for elsewhere in ["src", "time", "summary", "follows"] {
        assert_eq!(own.get(elsewhere), None, "{elsewhere}");
    }
}

#[test]
fn ecs_tells_refusals_and_stacked_tags() {
    assert_eq!(of(JsonStyle::Ecs, "no-listener")["event"]["type"], json!(["connection", "denied"]));
    let forged = of(JsonStyle::Ecs, "injected");
    assert_eq!(forged["network"]["vlan"]["id"], "100");
    assert_eq!(forged["network"]["inner"]["vlan"]["id"], "20");
    let alone = of(JsonStyle::Ecs, "starts-mid-connection");
    assert_eq!((alone.get("client"), alone.get("server")), (None, None));
}

#[test]
fn ecs_has_room_for_the_outermost_and_the_innermost_tag() {
    for (vlans, outer, inner) in [(vec![100], "100", Value::Null), (vec![100, 7, 20], "100", json!("20"))] {
        let mut finding = fixtures::all().swap_remove(0);
        finding.reset.layers = vec![Layer::Vlan; vlans.len()];
        finding.reset.vlans = vlans;
        let style = Style { format: Format::Json, json: JsonStyle::Ecs, ..Style::default() };
        let document: Value = serde_json::from_str(written(style, &[finding]).trim_end()).unwrap();
        assert_eq!(
            (&document["network"]["vlan"]["id"], &document["network"]["inner"]["vlan"]["id"]),
            (&json!(outer), &inner)
        );
    }
}

fn attribute<'a>(record: &'a Value, name: &str) -> &'a Value {
    let attributes = record["attributes"].as_array().unwrap();
    let found: Vec<&Value> = attributes.iter().filter(|attribute| attribute["key"] == name).collect();
    assert!(found.len() <= 1, "{name} twice");
    found.first().map_or(&Value::Null, |attribute| &attribute["value"])
}

#[test]
fn otel_lines_are_logs_data_of_its_protocol() {
    let line = of(JsonStyle::Otel, "lost-state");
    let scope = &line["resourceLogs"][0]["scopeLogs"][0];
    assert_eq!(scope["scope"], json!({ "name": "rstscan", "version": env!("CARGO_PKG_VERSION") }));
    let record = &scope["logRecords"][0];
    assert_eq!(record["timeUnixNano"], "1795330834251490000");
    assert_eq!((&record["severityNumber"], &record["severityText"]), (&json!(13), &json!("WARN")));
    assert_eq!(record["eventName"], "rstscan.reset");
    assert!(record["body"]["stringValue"].as_str().unwrap().contains("no longer knows"));
    let expected = [
        ("network.transport", json!({ "stringValue": "tcp" })),
        ("network.protocol.name", json!({ "stringValue": "tls" })),
        ("source.address", json!({ "stringValue": "192.168.1.109" })),
        ("source.port", json!({ "intValue": "12345" })),
        ("client.address", json!({ "stringValue": "192.168.1.108" })),
        ("server.port", json!({ "intValue": "12345" })),
        ("error.type", json!({ "stringValue": "ECONNRESET" })),
        ("rstscan.cause", json!({ "stringValue": "lost-state" })),
        ("rstscan.benign", json!({ "boolValue": false })),
        ("rstscan.effect.bytes_lost_to_sender", json!({ "intValue": "3" })),
        ("rstscan.summary", Value::Null),
        ("rstscan.follows", Value::Null),
    ];
    for (name, value) in expected {
        assert_eq!(attribute(record, name), &value, "{name}");
    }
    let fact = &attribute(record, "rstscan.evidence")["arrayValue"]["values"][0]["kvlistValue"]["values"];
    assert_eq!(fact[0], json!({ "key": "fact", "value": { "stringValue": "seq-equals-ack-of" } }));
}

#[test]
fn zeek_lines_are_flat_and_name_originator_and_responder() {
    for line in lines(JsonStyle::Zeek) {
        for (name, value) in line.as_object().unwrap() {
            let is_plain = |value: &Value| !value.is_null() && !value.is_object() && !value.is_array();
            let is_vector = value.as_array().is_some_and(|values| values.iter().all(is_plain));
            assert!(is_plain(value) || is_vector, "{name}: {value}");
        }
    }
    let line = of(JsonStyle::Zeek, "lost-state");
    let expected = [
        ("_path", json!("rstscan")),
        ("ts", json!(1795330834.25149)),
        ("id.orig_h", json!("192.168.1.108")),
        ("id.orig_p", json!(55100)),
        ("id.resp_h", json!("192.168.1.109")),
        ("id.resp_p", json!(12345)),
        ("proto", json!("tcp")),
        ("service", json!("ssl")),
        ("is_orig", json!(false)),
        ("note", json!("RSTScan::Lost_State")),
        ("rstscan.effect.on_peer", json!("accepted")),
        ("rstscan.against", json!(["abortive-close/no-fin-from-sender"])),
        ("rstscan.alternatives", json!(["abortive-close/data-after-close"])),
    ];
    for (name, value) in expected {
        assert_eq!(line[name], value, "{name}");
    }
}

#[test]
fn zeek_uids_are_those_of_the_life_of_a_connection() {
    let uid = |cause: &str| of(JsonStyle::Zeek, cause)["uid"].as_str().unwrap().to_owned();
    assert_eq!(uid("lost-state"), uid("echo-after-reset"));
    assert_ne!(uid("lost-state"), uid("no-listener"));
    let is_uid = |uid: String| uid.len() > 6 && uid.starts_with('C') && uid.chars().all(|c| c.is_ascii_alphanumeric());
    assert!(is_uid(uid("lost-state")));
}
