//! TCP options, as far as they were captured (RFC 9293 section 3.1).
//!
//! Not through etherparse's iterator, which ends at the first kind that it does not know; MPTCP is one of those.

use crate::tcp::{Options, Timestamps};

/// Option kinds, as IANA registers them.
mod kind {
    pub(super) const END: u8 = 0;
    pub(super) const NO_OPERATION: u8 = 1;
    pub(super) const MAXIMUM_SEGMENT_SIZE: u8 = 2;
    pub(super) const WINDOW_SCALE: u8 = 3;
    pub(super) const SACK_PERMITTED: u8 = 4;
    pub(super) const SACK: u8 = 5;
    pub(super) const TIMESTAMPS: u8 = 8;
    pub(super) const MPTCP: u8 = 30;
}

/// MPTCP subtypes that end a connection (RFC 8684 section 8.4).
const MP_FASTCLOSE: u8 = 0x7;
const MP_TCPRST: u8 = 0x8;

/// Reads the option bytes of a header that has some.
#[inline]
pub(super) fn parse(bytes: &[u8]) -> Options {
    match *bytes {
        // What nearly every segment of an established connection carries (RFC 7323 appendix A).
        [kind::NO_OPERATION, kind::NO_OPERATION, kind::TIMESTAMPS, 10, v0, v1, v2, v3, e0, e1, e2, e3] => {
            let val = u32::from_be_bytes([v0, v1, v2, v3]);
            let ecr = u32::from_be_bytes([e0, e1, e2, e3]);
            Options { any: true, timestamps: Some(Timestamps { val, ecr }), ..Options::NONE }
        }
        _ => walk(bytes),
    }
}

/// Reads one option after the other, to the end or to the first that does not fit.
fn walk(bytes: &[u8]) -> Options {
    let mut options = Options { any: true, ..Options::NONE };
    let mut rest = bytes;
    loop {
        rest = match *rest {
            [] | [kind::END, ..] => return options,
            [kind::NO_OPERATION, ref after @ ..] => after,
            [kind, len, ref after @ ..] => {
                let Some((value, after)) = usize::from(len).checked_sub(2).and_then(|len| after.split_at_checked(len))
                else {
                    return Options { complete: false, ..options };
                };
                options.complete &= read(kind, value, &mut options).is_some();
                after
            }
            [_] => return Options { complete: false, ..options },
        };
    }
}

/// Notes what one option says; `None` if its length does not suit its kind.
fn read(kind: u8, value: &[u8], options: &mut Options) -> Option<()> {
    match (kind, value) {
        (kind::MAXIMUM_SEGMENT_SIZE, _) => options.mss = Some(u16::from_be_bytes(value.try_into().ok()?)),
        (kind::WINDOW_SCALE, &[shift]) => options.wscale = Some(shift),
        (kind::SACK_PERMITTED, []) => options.sack_ok = true,
        (kind::SACK, &[_, _, _, _, r0, r1, r2, r3, ref more @ ..]) if more.len() % 8 == 0 => {
            options.sack_edge = Some(u32::from_be_bytes([r0, r1, r2, r3]));
        }
        (kind::TIMESTAMPS, &[v0, v1, v2, v3, e0, e1, e2, e3]) => {
            let val = u32::from_be_bytes([v0, v1, v2, v3]);
            let ecr = u32::from_be_bytes([e0, e1, e2, e3]);
            options.timestamps = Some(Timestamps { val, ecr });
        }
        (kind::MPTCP, [first, more @ ..]) => read_mptcp(*first, more, options),
        (kind::WINDOW_SCALE | kind::SACK_PERMITTED | kind::SACK | kind::TIMESTAMPS | kind::MPTCP, _) => return None,
        _ => {}
    }
    Some(())
}

/// The last subtype counts, unless an earlier one ended the subflow or, which counts more, the connection: Linux ends
/// both in one segment. The reason code is the fourth byte of an MP_TCPRST option (RFC 8684 section 3.6), so the second
/// after the subtype's; the T flag is the last bit before it.
fn read_mptcp(first: u8, after: &[u8], options: &mut Options) {
    const TRANSIENT: u8 = 1;
    let subtype = first >> 4;
    let rank = |subtype| match subtype {
        MP_FASTCLOSE => 2,
        MP_TCPRST => 1,
        _ => 0,
    };
    if options.mptcp.is_none_or(|before| rank(subtype) >= rank(before)) {
        options.mptcp = Some(subtype);
    }
    if let (MP_TCPRST, &[reason]) = (subtype, after) {
        options.mptcp_reset_reason = Some(reason);
        options.mptcp_reset_transient = first & TRANSIENT != 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decode::testing::SYN_OPTIONS;

    /// What a complete header with these options says.
    fn expect(bytes: &[u8], expected: Options) {
        assert_eq!(parse(bytes), Options { any: true, ..expected }, "{bytes:?}");
    }

    #[test]
    fn the_common_block_is_read_as_any_other() {
        let bytes = [1, 1, 8, 10, 0, 0, 1, 0, 0, 0, 2, 0];
        expect(&bytes, Options { timestamps: Some(Timestamps { val: 256, ecr: 512 }), ..Options::NONE });
        assert_eq!(parse(&bytes), walk(&bytes));
    }

    #[test]
    fn a_syn_says_what_it_offers() {
        let timestamps = Some(Timestamps { val: 7, ecr: 0 });
        let offers = Options { mss: Some(1460), wscale: Some(9), sack_ok: true, timestamps, ..Options::NONE };
        expect(&SYN_OPTIONS, offers);
    }

    #[test]
    fn the_first_block_of_a_sack_counts() {
        let one = [1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 9];
        expect(&one, Options { sack_edge: Some(9), ..Options::NONE });
        let two = [1, 1, 5, 18, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0, 0, 20, 0, 0, 0, 30];
        expect(&two, Options { sack_edge: Some(9), ..Options::NONE });
        expect(&[5, 6, 0, 0, 0, 1], Options { complete: false, ..Options::NONE });
        expect(&[5, 12, 0, 0, 0, 1, 0, 0, 0, 9, 0, 0], Options { complete: false, ..Options::NONE });
    }

    #[test]
    fn mptcp_resets_carry_their_reason() {
        let joined = [30, 4, 0x10, 0];
        let reset = [30, 4, 0x81, 3];
        let fast_close = [30, 12, 0x70, 0, 1, 2, 3, 4, 5, 6, 7, 8];
        expect(&joined, Options { mptcp: Some(1), ..Options::NONE });
        let lasting = Options { mptcp: Some(8), mptcp_reset_reason: Some(3), ..Options::NONE };
        expect(&[30, 4, 0x80, 3], lasting);
        let expected = Options { mptcp_reset_transient: true, ..lasting };
        expect(&reset, expected);
        expect(&[joined, reset].concat(), expected);
        expect(&[reset, joined].concat(), expected);
        expect(&[fast_close.as_slice(), &joined].concat(), Options { mptcp: Some(7), ..Options::NONE });
        let both = Options { mptcp: Some(7), ..expected };
        expect(&[fast_close.as_slice(), &reset].concat(), both);
        expect(&[reset.as_slice(), &fast_close].concat(), both);
    }

    #[test]
    fn unknown_kinds_are_stepped_over() {
        let authenticated = [19, 6, 1, 2, 3, 4, 3, 3, 7, 0];
        expect(&authenticated, Options { wscale: Some(7), ..Options::NONE });
    }

    #[test]
    fn nothing_counts_after_the_end_of_the_list() {
        expect(&[0, 3, 3, 7], Options::NONE);
    }

    #[test]
    fn what_does_not_fit_leaves_the_rest_unknown() {
        let lost = Options { mss: Some(1460), ..Options::UNKNOWN };
        for tail in [&[8, 10, 0, 0][..], &[8, 1, 0, 0], &[8, 0, 0, 0], &[1, 1, 1, 8], &[3, 4, 7, 7]] {
            expect(&[&[2, 4, 0x05, 0xb4], tail].concat(), lost);
        }
    }
}
