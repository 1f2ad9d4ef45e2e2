//! What the kernel of this host says of a reset.

use serde::Serialize;

use crate::classify::{Accepted, KernelWord, Origin, Process, Sent};

/// What the kernel says.
#[derive(Serialize)]
pub struct KernelTwin<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    sent: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    both_ends: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    process: Option<ProcessTwin<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    accepted: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    segments_say: Option<VerdictTwin>,
}

#[derive(Serialize)]
struct ProcessTwin<'a> {
    pid: u32,
    command: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    container: Option<&'a str>,
}

#[derive(Serialize)]
struct VerdictTwin {
    class: &'static str,
    cause: &'static str,
    certainty: &'static str,
}

impl<'a> KernelTwin<'a> {
    pub fn new(word: &'a KernelWord) -> Self {
        let origin: Option<&Origin> = match &word.sent {
            Some(Sent::ByTcp(origin)) => Some(origin),
            Some(Sent::NotByTcp | Sent::EventsLost) | None => None,
        };
        Self {
            sent: word.sent.as_ref().map(|sent| match sent {
                Sent::ByTcp(_) => "by-tcp",
                Sent::NotByTcp => "not-by-tcp",
                Sent::EventsLost => "events-lost",
            }),
            reason: origin.map(|origin| origin.reason.as_str()),
            state: origin.map(|origin| origin.state.as_deref()),
            both_ends: origin.map(|origin| origin.by_both_ends),
            process: origin.and_then(|origin| origin.process.as_ref()).map(ProcessTwin::new),
            accepted: word.accepted.map(|accepted| match accepted {
                Accepted::Yes => "yes",
                Accepted::NoEvent => "no-event",
                Accepted::EventsLost => "events-lost",
            }),
            segments_say: word.overruled.map(|(class, cause, certainty)| VerdictTwin {
                class: class.id(),
                cause: cause.id(),
                certainty: certainty.id(),
            }),
        }
    }
}

impl<'a> ProcessTwin<'a> {
    fn new(process: &'a Process) -> Self {
        Self { pid: process.pid, command: &process.command, container: process.container.as_deref() }
    }
}
