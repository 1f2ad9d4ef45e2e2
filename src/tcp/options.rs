//! The TCP options that verdicts use.

use serde::{Deserialize, Serialize};

/// The timestamps option (RFC 7323 section 3).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Timestamps {
    /// The sender's clock.
    pub val: u32,
    /// The peer's clock as last heard.
    pub ecr: u32,
}

/// What a header's options say. An option that is `None` was absent only if `complete` is true: a cut header leaves it unknown.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct Options {
    /// Whether every option byte was captured and well formed.
    pub complete: bool,
    /// Whether any option bytes were there at all (data offset above 5).
    pub any: bool,
    /// Maximum segment size, bytes.
    pub mss: Option<u16>,
    /// Window scale shift.
    pub wscale: Option<u8>,
    /// SACK permitted.
    pub sack_ok: bool,
    /// The right edge of the first SACK block, which is the most recently received one (RFC 2018 section 4).
    pub sack_edge: Option<u32>,
    /// Timestamps.
    pub timestamps: Option<Timestamps>,
    /// The subtype (0 to 15) of the last MPTCP option (RFC 8684 section 8.4), if any; MP_FASTCLOSE (7) goes before
    /// MP_TCPRST (8), and both before all others.
    pub mptcp: Option<u8>,
    /// The reason code of an MP_TCPRST option (RFC 8684 section 3.6).
    pub mptcp_reset_reason: Option<u8>,
    /// Whether that option says that the reason will pass (its T flag).
    pub mptcp_reset_transient: bool,
}

impl Options {
    /// A header without options.
    pub const NONE: Options = Options {
        complete: true,
        any: false,
        mss: None,
        wscale: None,
        sack_ok: false,
        sack_edge: None,
        timestamps: None,
        mptcp: None,
        mptcp_reset_reason: None,
        mptcp_reset_transient: false,
    };

    /// A header whose options the capture does not show.
    pub const UNKNOWN: Options = Options { complete: false, any: true, ..Options::NONE };
}

impl Default for Options {
    fn default() -> Self {
        Options::NONE
    }
}
