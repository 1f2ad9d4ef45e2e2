//! Every reason of the model's hosts for sending a RST.

use rstscan::classify::Class;

use super::packet::Truth;

const fn truth(classes: &'static [Class], why: &'static str) -> Truth {
    Truth { classes, why }
}

pub const DATA_AFTER_CLOSE: Truth = truth(&[Class::AbortiveClose], "data after close");
pub const ABORT: Truth = truth(&[Class::AbortiveClose], "abort");
pub const UNREAD: Truth = truth(&[Class::AbortiveClose], "unread data");
pub const KEEPALIVE: Truth = truth(&[Class::AbortiveClose], "keepalive timeout");
pub const NO_LISTENER: Truth = truth(&[Class::ClosedPort], "no listener");
pub const OVERFLOW: Truth = truth(&[Class::ClosedPort], "accept queue overflow");
pub const TIME_WAIT_ACK: Truth = truth(&[Class::TimeWaitCollision], "ack from time-wait in syn-sent");
pub const FIN_WAIT_SYN: Truth = truth(&[Class::TimeWaitCollision], "syn in fin-wait-2");
pub const ASSASSINATION: Truth =
    truth(&[Class::TimeWaitCollision, Class::HalfOpenResponse], "ack from time-wait to no socket");
pub const DISCOVERY_BY_LATE_ACK: Truth =
    truth(&[Class::HalfOpenResponse, Class::AbortiveClose], "late ack in syn-sent");
pub const DISCOVERY: Truth = truth(&[Class::HalfOpenResponse], "challenge ack in syn-sent");
pub const STALE_SYN_ACK: Truth = truth(&[Class::HalfOpenResponse], "stale syn|ack");
pub const BAD_ACK: Truth = truth(&[Class::HalfOpenResponse], "bad ack in syn-received");
pub const CONFLICT: Truth = truth(&[Class::ClosedPort], "second syn in syn-received");
pub const UNKNOWN: Truth = truth(&[Class::HalfOpenResponse], "never known");
pub const REBOOTED: Truth = truth(&[Class::HalfOpenResponse], "rebooted");
/// Nothing on the wire tells these from an answer of the closed socket itself.
pub const FORGOT_CLOSED: Truth = truth(&[Class::HalfOpenResponse, Class::AbortiveClose], "forgotten after its FIN");
pub const DISCOVERY_BY_DATA: Truth = truth(&[Class::HalfOpenResponse, Class::AbortiveClose], "old data in syn-sent");
pub const KILLED: Truth = truth(&[Class::HalfOpenResponse], "killed by a reset");
pub const CLOSED: Truth = truth(&[Class::HalfOpenResponse], "late segment");
pub const ORPHANED: Truth = truth(&[Class::AbortiveClose], "orphan expired");
pub const GAVE_UP: Truth = truth(&[Class::HalfOpenResponse, Class::AbortiveClose], "gave up");
pub const ABANDONED: Truth = truth(&[Class::HalfOpenResponse], "connect abandoned");
pub const ABANDONED_OLD: Truth = truth(&[Class::HalfOpenResponse, Class::AbortiveClose], "old data, connect abandoned");
