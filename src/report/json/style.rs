//! What the styles of other systems have in common: the keys of their own, and a few words of theirs.

use serde_json::{Map, Value};

use crate::analyzer::Finding;
use crate::report::Context;
use crate::report::words;
use crate::tcp::FourTuple;

/// A reset for another system: the finding, and the line of its own style taken apart.
pub struct Native<'a> {
    pub finding: &'a Finding,
    /// The input that it was captured on.
    pub file: Option<&'a str>,
    keys: Map<String, Value>,
}

impl<'a> Native<'a> {
    /// Of a finding and its line.
    ///
    /// # Errors
    ///
    /// The line is none.
    pub fn new(context: &'a Context, finding: &'a Finding, line: &str) -> serde_json::Result<Self> {
        let file = words::input(context, finding.reset.frame);
        Ok(Self { finding, file, keys: serde_json::from_str(line)? })
    }

    /// From the sender of the reset to its receiver.
    pub fn tuple(&self) -> FourTuple {
        self.finding.reset.tuple
    }

    /// A text of the line.
    pub fn text(&self, key: &str) -> Option<&str> {
        self.keys.get(key).and_then(Value::as_str)
    }

    /// Whether it did no harm, as far as that is known.
    pub fn benign(&self) -> Option<bool> {
        self.keys.get("benign").and_then(Value::as_bool)
    }

    /// The native keys without those that a style has names for, and without null. What the kernel says has the native line only.
    pub fn own(&self, mapped: &[&str]) -> Map<String, Value> {
        let is_own = |key: &str, value: &Value| key != "kernel" && !mapped.contains(&key) && !value.is_null();
        let own = self.keys.iter().filter(|(key, value)| is_own(key, value));
        own.map(|(key, value)| (key.clone(), value.clone())).collect()
    }

    /// The same behind `rstscan.`, with objects taken apart: `rstscan.effect.on_peer`.
    pub fn flat(&self, mapped: &[&str]) -> Vec<(String, Value)> {
        let mut flat = Vec::new();
        flatten("rstscan", Value::Object(self.own(mapped)), &mut flat);
        flat
    }

    /// `ipv4` or `ipv6`, as ECS and OpenTelemetry call it.
    pub fn network_type(&self) -> &'static str {
        if self.tuple().src.is_ipv4() { "ipv4" } else { "ipv6" }
    }

    /// The application protocol, where one was recognised by name.
    pub fn protocol(&self) -> Option<&'static str> {
        let heard = [&self.finding.from_client, &self.finding.from_server];
        let mut protocols = heard.into_iter().flatten().filter_map(|heard| match heard.hint.protocol.id() {
            "reply" => None,
            "http2" => Some("http"),
            protocol => Some(protocol),
        });
        protocols.next()
    }
}

fn flatten(name: &str, value: Value, flat: &mut Vec<(String, Value)>) {
    match value {
        Value::Object(keys) => {
            for (key, value) in keys {
                flatten(&format!("{name}.{key}"), value, flat);
            }
        }
        value => flat.push((name.to_owned(), value)),
    }
}
