//! What the styles of other systems have in common: the keys of their own, and a few words of theirs.

use serde_json::{Map, Value};

use super::ResetLine;

impl ResetLine<'_> {
    /// The native keys without those that a style has names for, and without null.
    pub fn own(&self, mapped: &[&str]) -> serde_json::Result<Map<String, Value>> {
        let Value::Object(mut keys) = serde_json::to_value(self)? else { return Ok(Map::new()) };
        keys.retain(|key, value| !mapped.contains(&key.as_str()) && !value.is_null());
        Ok(keys)
    }

    /// The same behind `rstscan.`, with objects taken apart: `rstscan.effect.on_peer`.
    pub fn flat(&self, mapped: &[&str]) -> serde_json::Result<Vec<(String, Value)>> {
        let mut flat = Vec::new();
        flatten("rstscan", Value::Object(self.own(mapped)?), &mut flat);
        Ok(flat)
    }

    /// `ipv4` or `ipv6`, as ECS and OpenTelemetry call it.
    pub fn network_type(&self) -> &'static str {
        if self.src.is_ipv4() { "ipv4" } else { "ipv6" }
    }

    /// The application protocol, where one was recognised by name.
    pub fn protocol(&self) -> Option<&'static str> {
        let talk = self.application.as_ref()?;
        let heard = [&talk.from_client, &talk.from_server];
        let mut protocols = heard.into_iter().flatten().filter_map(|heard| match heard.protocol {
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
