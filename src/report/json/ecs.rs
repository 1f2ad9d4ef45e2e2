//! A reset as a document of the Elastic Common Schema 8.17: <https://www.elastic.co/guide/en/ecs/8.17/index.html>.
//!
//! What the schema has no field for stands under `rstscan`, with the keys of `docs/schema.json`.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;
use serde_json::{Map, Value};

use super::style::Native;
use crate::analyzer::Finding;
use crate::classify::{Class, OnPeer, Role};
use crate::report::time::rfc3339;

const VERSION: &str = "8.17.0";

/// The native keys that have a field of the schema.
const MAPPED: [&str; 8] = ["type", "time", "src", "sport", "dst", "dport", "community_id", "summary"];

/// One document.
#[derive(Serialize)]
pub struct Document<'a> {
    #[serde(rename = "@timestamp")]
    timestamp: String,
    ecs: Version,
    message: &'a str,
    event: Event,
    source: Endpoint,
    destination: Endpoint,
    #[serde(skip_serializing_if = "Option::is_none")]
    client: Option<Endpoint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server: Option<Endpoint>,
    network: Network<'a>,
    observer: Observer,
    related: Related,
    rstscan: Map<String, Value>,
}

#[derive(Serialize)]
struct Version {
    version: &'static str,
}

#[derive(Serialize)]
struct Event {
    kind: &'static str,
    category: [&'static str; 1],
    r#type: [&'static str; 2],
    action: &'static str,
    outcome: &'static str,
    reason: &'static str,
    module: &'static str,
    dataset: &'static str,
}

#[derive(Clone, Copy, Serialize)]
struct Endpoint {
    address: IpAddr,
    ip: IpAddr,
    port: u16,
}

#[derive(Serialize)]
struct Network<'a> {
    transport: &'static str,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    community_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    vlan: Option<Vlan>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inner: Option<Inner>,
}

/// The schema has room for two tags: the outermost one and, in a stack of tags, the innermost one.
#[derive(Serialize)]
struct Vlan {
    id: String,
}

#[derive(Serialize)]
struct Inner {
    vlan: Vlan,
}

#[derive(Serialize)]
struct Observer {
    product: &'static str,
    r#type: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Related {
    ip: [IpAddr; 2],
}

impl<'a> Document<'a> {
    /// The document of a line.
    pub fn new(line: &'a Native<'_>) -> Self {
        let Finding { reset, verdict, .. } = line.finding;
        let endpoint = |end: SocketAddr| Endpoint { address: end.ip(), ip: end.ip(), port: end.port() };
        let (source, destination) = (endpoint(reset.tuple.src), endpoint(reset.tuple.dst));
        let (client, server) = match verdict.sender_role {
            Some(Role::Client) => (Some(source), Some(destination)),
            Some(Role::Server) => (Some(destination), Some(source)),
            None => (None, None),
        };
        Self {
            timestamp: rfc3339(reset.time),
            ecs: Version { version: VERSION },
            message: line.text("summary").unwrap_or_default(),
            event: Event::new(line),
            source,
            destination,
            client,
            server,
            network: Network::new(line),
            observer: Observer { product: "rstscan", r#type: "sensor", version: env!("CARGO_PKG_VERSION") },
            related: Related { ip: [reset.tuple.src.ip(), reset.tuple.dst.ip()] },
            rstscan: line.own(&MAPPED),
        }
    }
}

impl Event {
    fn new(line: &Native<'_>) -> Self {
        let verdict = &line.finding.verdict;
        let of_connection = match (verdict.class, verdict.effect.on_peer) {
            (_, OnPeer::Challenged | OnPeer::Ignored | OnPeer::TooLate) => "info",
            (Class::ClosedPort, _) => "denied",
            _ => "end",
        };
        let outcome = match line.benign() {
            Some(true) => "success",
            Some(false) => "failure",
            None => "unknown",
        };
        Self {
            kind: "event",
            category: ["network"],
            r#type: ["connection", of_connection],
            action: "tcp-reset",
            outcome,
            reason: verdict.cause.id(),
            module: "rstscan",
            dataset: "rstscan.reset",
        }
    }
}

impl<'a> Network<'a> {
    fn new(line: &'a Native<'_>) -> Self {
        let (outer, inner) = match &line.finding.reset.vlans[..] {
            [] => (None, None),
            [id] => (Some(id), None),
            [outer, .., inner] => (Some(outer), Some(inner)),
        };
        let vlan = |id: &u16| Vlan { id: id.to_string() };
        Self {
            transport: "tcp",
            r#type: line.network_type(),
            protocol: line.protocol(),
            community_id: line.text("community_id"),
            vlan: outer.map(vlan),
            inner: inner.map(|id| Inner { vlan: vlan(id) }),
        }
    }
}
