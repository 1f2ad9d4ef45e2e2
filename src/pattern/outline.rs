//! What patterns look at of a reset: little, so that rows of an output will do where the findings are gone.

use std::net::SocketAddr;

use crate::analyzer::Finding;
use crate::classify::{Cause, Class, Role};
use crate::frame::{FrameNo, Timestamp};
use crate::tcp::FourTuple;

use super::benign;

/// What patterns look at of a reset.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outline {
    /// Its frame.
    pub frame: FrameNo,
    /// Capture time.
    pub time: Timestamp,
    /// From its sender to its receiver.
    pub tuple: FourTuple,
    /// The server end of its connection.
    pub service: SocketAddr,
    /// The class of the verdict.
    pub class: Class,
    /// Its cause.
    pub cause: Cause,
    /// Whether the client or the server sent the reset, where known.
    pub sender_role: Option<Role>,
    /// The reset that it follows from.
    pub follows: Option<FrameNo>,
    /// As [`benign()`] says.
    pub benign: Option<bool>,
    /// How long the connection had been idle, in nanoseconds.
    pub idle_ns: Option<i64>,
    /// Of a request that crossed the close of an idle connection: how long that had been idle before each.
    pub race: Option<Race>,
}

/// How long a connection had been idle before its server closed it, and before a request that crossed that.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Race {
    /// Before the FIN, in nanoseconds.
    pub close_ns: i64,
    /// Before the request, in nanoseconds.
    pub request_ns: i64,
}

impl From<&Finding> for Outline {
    fn from(finding: &Finding) -> Self {
        let Finding { reset, verdict, connection, .. } = finding;
        Self {
            frame: reset.frame,
            time: reset.time,
            tuple: reset.tuple,
            service: connection.tuple.dst,
            class: verdict.class,
            cause: verdict.cause,
            sender_role: verdict.sender_role,
            follows: verdict.follows,
            benign: benign(finding),
            idle_ns: verdict.idle_ns,
            race: Race::of(finding),
        }
    }
}

impl Race {
    /// What the kept segments show of a keepalive race.
    pub fn of(finding: &Finding) -> Option<Self> {
        let (reset, verdict) = (&finding.reset, &finding.verdict);
        if verdict.cause != Cause::KeepaliveRace {
            return None;
        }
        let by_client = finding.connection.tuple.src == reset.tuple.src;
        let fin = finding.segments.iter().position(|seen| seen.from_client == by_client && seen.flags.fin())?;
        let (before, after) = finding.segments.split_at(fin);
        let (last, fin) = (before.last()?, after.first()?);
        let trigger = verdict.trigger?.frame;
        let request = after.iter().find(|seen| seen.frame == trigger)?;
        Some(Self { close_ns: fin.time.since(last.time), request_ns: request.time.since(last.time) })
    }
}
