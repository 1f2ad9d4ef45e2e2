//! Tunnels: what IP, GRE and UDP carry beside TCP.

use rstscan::frame::LinkType;

use crate::bytes::{SNAP, ethernet, frame, in_gre, in_ipv4, in_udp, ipv6, own_ipv4, tag};
use crate::connection::Packet;
use crate::table::{Tshark, Wrap};

fn tunnel(name: &'static str, layers: &'static str, wrap: fn(&Packet) -> Vec<u8>) -> Wrap {
    Wrap { name, link: LinkType::ETHERNET, layers, tshark: Tshark::ByDefault, wrap }
}

/// How tshark is told what the ends of an L2TPv3 session agreed on.
const WITH_COOKIE: &[&str] = &[
    "-o",
    "l2tp.cookie_size:8 Byte Cookie",
    "-o",
    "l2tp.l2_specific:Default L2-Specific",
    "-d",
    "l2tp.pw_type==0,eth",
];
const WITH_SUBLAYER: &[&str] =
    &["-o", "l2tp.cookie_size:None", "-o", "l2tp.l2_specific:Default L2-Specific", "-d", "l2tp.pw_type==0,eth"];

pub fn in_ip() -> Vec<Wrap> {
    vec![
        tunnel("4in4", "ip-in-ip", |p| in_ipv4(p, 4, &[&p.four])),
        tunnel("6in4", "ip-in-ip", |p| in_ipv4(p, 41, &[&p.six])),
        tunnel("4in6", "ip-in-ip", |p| ethernet(p, 0x86dd, &[&ipv6(p, 4, &[&p.four])])),
        tunnel("6in6", "ip-in-ip", |p| ethernet(p, 0x86dd, &[&ipv6(p, 41, &[&p.six])])),
        tunnel("etherip", "etherip", |p| in_ipv4(p, 97, &[&[0x30, 0], &frame(p)])),
        tunnel("ah", "ah", |p| own_ipv4(p, 51, &[&AH_OF_TCP, &p.four[20..]].concat())),
        tunnel("ah-tunnel", "ah ip-in-ip", |p| in_ipv4(p, 51, &[&[4, 4], &AH_OF_TCP[2..], &p.four])),
        tunnel("esp-null", "esp-null", |p| own_ipv4(p, 50, &esp(6, &p.four[20..], 12)))
            .with_tshark(Tshark::With(&["-o", "esp.enable_null_encryption_decode_heuristic:TRUE"])),
        tunnel("esp-null-tunnel", "esp-null ip-in-ip", |p| in_ipv4(p, 50, &[&esp(4, &p.four, 16)]))
            .with_tshark(Tshark::With(&["-o", "esp.enable_null_encryption_decode_heuristic:TRUE"])),
        tunnel("l2tpv3", "l2tpv3", |p| in_ipv4(p, 115, &[&[0, 0, 0, 7], &frame(p)])).with_tshark(Tshark::With(&[
            "-o",
            "l2tp.l2_specific:None",
            "-d",
            "l2tp.pw_type==0,eth",
        ])),
        tunnel("l2tpv3-cookie", "l2tpv3", |p| {
            in_ipv4(p, 115, &[&[0, 0, 0, 7], &[0xc0; 8], &[0x40, 0, 0, 1], &frame(p)])
        })
        .with_tshark(Tshark::With(WITH_COOKIE)),
    ]
}

pub fn generic_routing() -> Vec<Wrap> {
    const ERSPAN_2: [u8; 16] = [0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 5, 0, 7, 0, 0, 0, 0];
    const ERSPAN_3: [u8; 20] = [0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 5, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0];
    vec![
        tunnel("gre", "gre", |p| in_gre(p, &[&[0, 0, 8, 0], &p.four])),
        tunnel("gre-6", "gre", |p| in_gre(p, &[&[0, 0, 0x86, 0xdd], &p.six])),
        tunnel("gre-key", "gre", |p| in_gre(p, &[&[0x20, 0, 8, 0, 0, 0, 0, 7], &p.four])),
        tunnel("gre-sequence", "gre", |p| in_gre(p, &[&[0x10, 0, 8, 0, 0, 0, 0, 7], &p.four])),
        tunnel("gre-checksum-key-sequence", "gre", |p| {
            in_gre(p, &[&[0xb0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 1], &p.four])
        }),
        tunnel("gre-ethernet", "gre", |p| in_gre(p, &[&[0, 0, 0x65, 0x58], &frame(p)])),
        tunnel("nvgre", "nvgre", |p| in_gre(p, &[&[0x20, 0, 0x65, 0x58, 0, 0, 7, 1], &frame(p)])),
        tunnel("eoip", "eoip", |p| {
            let frame = frame(p);
            let len = u16::try_from(frame.len()).expect("a small frame").to_be_bytes();
            in_gre(p, &[&[0x20, 1, 0x64, 0], &len, &[9, 0], &frame])
        }),
        tunnel("pptp", "pptp", |p| {
            let len = u16::try_from(4 + p.four.len()).expect("a small packet").to_be_bytes();
            in_gre(p, &[&[0x30, 1, 0x88, 0x0b], &len, &[0, 9, 0, 0, 0, 1, 0xff, 3, 0, 0x21], &p.four])
        }),
        tunnel("erspan-1", "gre erspan", |p| in_gre(p, &[&[0, 0, 0x88, 0xbe], &frame(p)])),
        tunnel("erspan-2", "gre erspan", |p| in_gre(p, &[&ERSPAN_2, &frame(p)])),
        tunnel("erspan-3", "gre erspan vlan", |p| {
            in_gre(p, &[&ERSPAN_3, &ethernet(p, 0x8100, &[&tag(9, 0x0800), &p.four])])
        }),
        tunnel("wccp", "gre wccp", |p| in_gre(p, &[&[0, 0, 0x88, 0x3e, 0, 1, 2, 3], &p.four])),
    ]
}

pub fn in_udp_datagrams() -> Vec<Wrap> {
    const NETWORK: [u8; 8] = [8, 0, 0, 0, 0, 0, 7, 0];
    const GTP_EXTENDED: [u8; 8] = [0, 0, 0, 0x85, 1, 0, 9, 0];
    vec![
        tunnel("vxlan", "vxlan", |p| in_udp(p, 4789, &[&NETWORK, &frame(p)])),
        tunnel("vxlan-vlan", "vxlan vlan", |p| {
            in_udp(p, 4789, &[&NETWORK, &ethernet(p, 0x8100, &[&tag(9, 0x86dd), &p.six])])
        }),
        tunnel("vxlan-gpe", "vxlan-gpe", |p| in_udp(p, 4790, &[&[0x0c, 0, 0, 1, 0, 0, 7, 0], &p.four])),
        tunnel("geneve", "geneve", |p| in_udp(p, 6081, &[&[0, 0, 0x65, 0x58, 0, 0, 7, 0], &frame(p)])),
        tunnel("geneve-options", "geneve", |p| {
            in_udp(p, 6081, &[&[2, 0, 0x65, 0x58, 0, 0, 7, 0], &[1, 2, 3, 1, 9, 9, 9, 9], &frame(p)])
        }),
        tunnel("gtp-u", "gtp-u", |p| in_udp(p, 2152, &[&gtp(0x30, p.four.len()), &p.four])),
        tunnel("gtp-u-extension", "gtp-u", |p| {
            in_udp(p, 2152, &[&gtp(0x34, 8 + p.four.len()), &GTP_EXTENDED, &p.four])
        }),
        tunnel("teredo", "teredo", |p| in_udp(p, 3544, &[&p.six])),
        tunnel("teredo-origin", "teredo", |p| in_udp(p, 3544, &[&[0, 0, 1, 2, 3, 4, 5, 6], &p.six])),
        tunnel("l2tp", "l2tp", |p| in_udp(p, 1701, &[&[0, 2, 0, 1, 0, 2, 0xff, 3, 0, 0x21], &p.four])),
        tunnel("l2tp-offset", "l2tp", |p| {
            let len = u16::try_from(16 + 2 + p.four.len()).expect("a small packet").to_be_bytes();
            in_udp(p, 1701, &[&[0x4a, 2], &len, &[0, 1, 0, 2, 0, 3, 0, 4, 0, 2, 9, 9, 0, 0x21], &p.four])
        }),
        tunnel("l2tpv3-udp", "l2tpv3", |p| in_udp(p, 1701, &[&[0, 3, 0, 0, 0, 0, 0, 7], &[0; 4], &frame(p)]))
            .with_tshark(Tshark::With(WITH_SUBLAYER)),
        tunnel("capwap-ethernet", "capwap", |p| in_udp(p, 5247, &[&[0, 0x10, 0x02, 0, 0, 0, 0, 0], &frame(p)])),
        tunnel("capwap-wifi", "capwap", |p| in_udp(p, 5247, &[&CAPWAP_NATIVE, &[0x08, 1], &wifi_rest(p)]))
            .with_tshark(Tshark::With(&["-o", "capwap.swap_fc:FALSE"])),
        tunnel("capwap-wifi-swapped", "capwap", |p| in_udp(p, 5247, &[&CAPWAP_NATIVE, &[1, 0x08], &wifi_rest(p)])),
    ]
}

/// A header for IEEE 802.11 frames as they are on the air.
const CAPWAP_NATIVE: [u8; 8] = [0, 0x10, 0x03, 0, 0, 0, 0, 0];

/// What follows the frame control of a data frame to the network.
fn wifi_rest(packet: &Packet) -> Vec<u8> {
    [[0, 0].as_slice(), &[2, 0, 0, 0, 0, 0xaa], &ethernet(packet, 0, &[])[..12], &[0, 0], &SNAP, &packet.four].concat()
}

/// A G-PDU's header.
fn gtp(flags: u8, len: usize) -> [u8; 8] {
    let [hi, lo] = u16::try_from(len).expect("a small packet").to_be_bytes();
    [flags, 0xff, hi, lo, 0, 0, 0, 1]
}

/// An authentication header of 24 bytes with TCP behind it.
const AH_OF_TCP: [u8; 24] = [6, 4, 0, 0, 0, 0, 0x10, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

/// ESP around a payload: padding to four bytes, next header, and an integrity check value.
fn esp(next: u8, payload: &[u8], check_len: usize) -> Vec<u8> {
    let padding = &[1, 2, 3][..(6 - payload.len() % 4) % 4];
    let trailer = [u8::try_from(padding.len()).expect("at most three"), next];
    [&[0, 0, 0x10, 1, 0, 0, 0, 1], payload, padding, &trailer, &vec![0xa5; check_len]].concat()
}
