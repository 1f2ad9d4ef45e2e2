//! What a wrong checksum says of a RST: its receiver drops it (Linux tcp_v4_rcv and ip_rcv: `InCsumErrors`), and no stack
//! sends it.

use crate::tcp::Sum;
use crate::track::ResetCase;

use super::{Fact, FactKind};

/// The wrong checksum of a RST, where others of the same host are right: neither its hardware nor the capture spoils them.
pub fn wrong(case: &ResetCase) -> Option<Fact> {
    let kind = match (case.checksums.tcp, case.checksums.ip) {
        (Sum::Wrong, _) => FactKind::BadChecksum,
        (_, Sum::Wrong) => FactKind::BadIpChecksum,
        _ => return None,
    };
    case.right_checksums.then(|| Fact::at(kind, case.reset.frame))
}
