//! The states of RFC 9293 that fit what both ends have shown, for display only: no rule asks for them.

/// What one end has shown, as far as it tells its state.
#[derive(Clone, Copy, Debug, Default)]
pub struct Shown {
    /// It sent anything.
    pub sent: bool,
    /// A RST has ended it.
    pub reset: bool,
    /// It sent a SYN, with or without ACK.
    pub syn: bool,
    /// It sent a SYN|ACK.
    pub syn_ack: bool,
    /// It sent an ACK without SYN.
    pub plain_ack: bool,
    /// It acknowledged more than its peer's initial sequence number, or its own SYN was not seen.
    pub acked_opening: bool,
    /// It sent a FIN.
    pub fin: bool,
    /// Its peer acknowledged that.
    pub fin_acked: bool,
    /// It was the first to send one.
    pub closed_first: bool,
}

impl Shown {
    /// The state of this end (RFC 9293 section 3.3.2); `None` where it has shown nothing.
    pub fn state(&self, peer: &Shown) -> Option<&'static str> {
        if self.reset {
            return Some("CLOSED");
        }
        if !self.sent {
            return None;
        }
        Some(match (self.fin, self.fin_acked, peer.fin_acked) {
            (true, true, true) if self.closed_first => "TIME-WAIT",
            (true, true, true) => "CLOSED",
            (true, false, true) if self.closed_first => "CLOSING",
            (true, false, true) => "LAST-ACK",
            (true, true, false) => "FIN-WAIT-2",
            (true, false, false) => "FIN-WAIT-1",
            (false, _, true) => "CLOSE-WAIT",
            (false, _, false) if self.plain_ack && self.acked_opening => "ESTABLISHED",
            (false, _, false) if self.syn_ack && peer.plain_ack => "ESTABLISHED",
            (false, _, false) if self.syn_ack => "SYN-RECEIVED",
            (false, _, false) if self.syn => "SYN-SENT",
            (false, _, false) => "ESTABLISHED",
        })
    }
}
