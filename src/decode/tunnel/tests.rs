//! The same segment in every encapsulation.

use etherparse::Ipv4HeaderSlice;

use crate::analyzer::{Analyzer, Options};
use crate::classify::Class;
use crate::decode::testing::*;
use crate::decode::{Decoded, Skip, decode};
use crate::frame::{Frame, FrameNo, Layer, LinkType, Timestamp};

const UDP: u8 = 17;
const GRE: u8 = 47;

fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    [&[0xc0, 1], port.to_be_bytes().as_slice(), &be16(8 + payload.len()), &[0, 0], payload].concat()
}

/// Ethernet, IPv4, and what that carries.
fn in_ipv4(protocol: u8, parts: &[&[u8]]) -> Vec<u8> {
    ethernet(0x0800, &ipv4(protocol, &[], &parts.concat()))
}

fn in_udp(port: u16, parts: &[&[u8]]) -> Vec<u8> {
    in_ipv4(UDP, &[&udp(port, &parts.concat())])
}

fn in_gre(parts: &[&[u8]]) -> Vec<u8> {
    in_ipv4(GRE, parts)
}

fn inner4(segment: &[u8]) -> Vec<u8> {
    with(ipv4(TCP, &[], segment), 12, &[192, 0, 2, 1, 192, 0, 2, 2])
}

fn inner6(segment: &[u8]) -> Vec<u8> {
    ipv6(TCP, segment)
}

/// One segment as both IP versions carry it.
struct Inner {
    four: Vec<u8>,
    six: Vec<u8>,
}

impl Inner {
    fn of(segment: &[u8]) -> Self {
        Self { four: inner4(segment), six: inner6(segment) }
    }

    /// The same the other way.
    fn reversed(self) -> Self {
        let turned = |packet: &[u8], at: usize, len: usize| {
            let (src, dst) = (&packet[at..at + len], &packet[at + len..at + 2 * len]);
            let ports = at + 2 * len;
            let packet = with(packet.to_vec(), at, &[dst, src].concat());
            let (sport, dport) = (packet[ports..ports + 2].to_vec(), packet[ports + 2..ports + 4].to_vec());
            with(packet, ports, &[dport, sport].concat())
        };
        Self { four: turned(&self.four, 12, 4), six: turned(&self.six, 8, 16) }
    }
}

/// A segment in a frame, and what is around it.
#[derive(Clone)]
struct Wrapped {
    link: LinkType,
    bytes: Vec<u8>,
    layers: &'static [Layer],
}

fn wrapped(layers: &'static [Layer], bytes: Vec<u8>) -> Wrapped {
    Wrapped { link: LinkType::ETHERNET, bytes, layers }
}

/// Tags, labels and point-to-point headers.
fn below_ip(inner: &Inner) -> Vec<Wrapped> {
    use Layer::{Etag, FabricPath, Mpls, Pbb, Pppoe, Vlan, Vntag};
    let Inner { four, six } = inner;
    let frame = ethernet(0x0800, four);
    let plain = |parts: &[&[u8]]| parts.concat();
    vec![
        wrapped(&[Pppoe], ethernet(0x8864, &plain(&[&[0x11, 0, 0, 1, 0, 99, 0, 0x21], four]))),
        wrapped(&[Pppoe], ethernet(0x8864, &plain(&[&[0x11, 0, 0, 1, 0, 99, 0, 0x57], six]))),
        wrapped(&[Pppoe], ethernet(0x8864, &plain(&[&[0x11, 0, 0, 1, 0, 99, 0x21], four]))),
        wrapped(&[Vlan, Pppoe], ethernet(0x8100, &vlan(5, 0x8864, &plain(&[&[0x11, 0, 0, 1, 0, 99, 0, 0x21], four])))),
        wrapped(&[Mpls], ethernet(0x8847, &plain(&[&[0, 1, 1, 64], four]))),
        wrapped(&[Mpls], ethernet(0x8848, &plain(&[&[0, 1, 0, 64, 0, 2, 0, 9, 0, 3, 0x31, 7], six]))),
        wrapped(&[Mpls], ethernet(0x8847, &plain(&[&[0, 1, 1, 64, 0, 0, 0, 0], &frame]))),
        wrapped(&[Mpls], ethernet(0x8847, &plain(&[&[0, 1, 1, 64], &frame]))),
        wrapped(&[Mpls], ethernet(0x8847, &plain(&[&[0, 1, 1, 64], &with(frame.clone(), 0, &[0x80])]))),
        wrapped(&[Mpls, Vlan], ethernet(0x8847, &plain(&[&[0, 1, 1, 64], &ethernet(0x8100, &vlan(9, 0x86dd, six))]))),
        wrapped(&[Pbb], ethernet(0x88e7, &plain(&[&[0, 0, 0, 7], &frame]))),
        wrapped(&[Vlan, Pbb], ethernet(0x88a8, &vlan(3, 0x88e7, &plain(&[&[0, 0, 0, 7], &frame])))),
        wrapped(&[Etag], ethernet(0x893f, &plain(&[&[0, 0, 0, 7, 0, 0, 8, 0], four]))),
        wrapped(&[Etag, Vlan], ethernet(0x893f, &plain(&[&[0, 0, 0, 7, 0, 0, 0x81, 0], &vlan(3, 0x0800, four)]))),
        wrapped(&[Vntag], ethernet(0x8926, &plain(&[&[0, 0, 0, 7, 8, 0], four]))),
        wrapped(&[FabricPath], ethernet(0x8903, &plain(&[&[0x00, 0x60], &frame]))),
        wrapped(
            &[FabricPath, Vlan],
            ethernet(0x8903, &plain(&[&[0x00, 0x60], &ethernet(0x8100, &vlan(9, 0x86dd, six))])),
        ),
    ]
}

/// GRE and what it carries.
fn in_generic_routing(inner: &Inner) -> Vec<Wrapped> {
    use Layer::{Eoip, Erspan, Gre, Nvgre, Pptp, Vlan, Wccp};
    let Inner { four, six } = inner;
    let frame = ethernet(0x0800, four);
    let tagged = ethernet(0x8100, &vlan(9, 0x86dd, six));
    vec![
        wrapped(&[Gre], in_gre(&[&[0, 0, 8, 0], four])),
        wrapped(&[Gre], in_gre(&[&[0, 0, 0x86, 0xdd], six])),
        wrapped(&[Gre], in_gre(&[&[0xb0, 0, 8, 0, 1, 1, 0, 0, 2, 2, 2, 2, 3, 3, 3, 3], four])),
        wrapped(&[Gre], in_gre(&[&[0, 0, 0x65, 0x58], &frame])),
        wrapped(&[Nvgre, Vlan], in_gre(&[&[0x20, 0, 0x65, 0x58, 0, 0, 7, 1], &tagged])),
        wrapped(&[Gre, Erspan], in_gre(&[&[0, 0, 0x88, 0xbe], &frame])),
        wrapped(&[Gre, Erspan], in_gre(&[&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 5, 0, 7, 0, 0, 0, 0], &frame])),
        wrapped(
            &[Gre, Erspan, Vlan],
            in_gre(&[&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 5, 0, 7, 0, 0, 0, 0, 0, 0, 0, 0], &tagged]),
        ),
        wrapped(
            &[Gre, Erspan],
            in_gre(&[&[0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 5, 0, 7, 0, 0, 0, 0, 0, 0, 8, 1], &[9; 8], six]),
        ),
        wrapped(&[Gre, Wccp], in_gre(&[&[0, 0, 0x88, 0x3e, 0, 1, 2, 3], four])),
        wrapped(&[Gre, Wccp], in_gre(&[&[0, 0, 0x88, 0x3e], four])),
        wrapped(&[Pptp], in_gre(&[&[0x30, 0x81, 0x88, 0x0b, 0, 9, 0, 9, 0, 0, 0, 1, 0, 0, 0, 2, 0xff, 3, 0x21], four])),
        wrapped(&[Eoip], in_gre(&[&[0x20, 1, 0x64, 0, 0, 9, 0, 0], &frame])),
    ]
}

/// IP and Ethernet in IP, and UDP tunnels.
fn in_ip_and_udp(inner: &Inner) -> Vec<Wrapped> {
    use Layer::{EtherIp, Geneve, GtpU, IpInIp, L2tp, Teredo, Vlan, Vxlan, VxlanGpe};
    let Inner { four, six } = inner;
    let frame = ethernet(0x0800, four);
    let tagged = ethernet(0x8100, &vlan(9, 0x86dd, six));
    let vni = [8, 0, 0, 0, 0, 0, 7, 0];
    vec![
        wrapped(&[IpInIp], in_ipv4(4, &[four])),
        wrapped(&[IpInIp], in_ipv4(41, &[six])),
        wrapped(&[IpInIp], ethernet(0x86dd, &ipv6(4, four))),
        wrapped(&[IpInIp], ethernet(0x86dd, &ipv6(41, six))),
        wrapped(&[IpInIp; 3], in_ipv4(4, &[&ipv4(4, &[], &ipv4(4, &[], four))])),
        wrapped(&[EtherIp], in_ipv4(97, &[&[0x30, 0], &frame])),
        wrapped(&[Vxlan], in_udp(4789, &[&vni, &frame])),
        wrapped(&[Vxlan], in_udp(8472, &[&vni, &frame])),
        wrapped(&[Vlan, Vxlan, Vlan], ethernet(0x8100, &vlan(5, 0x0800, &in_udp(4789, &[&vni, &tagged])[14..]))),
        wrapped(&[Vxlan], ethernet(0x86dd, &ipv6(UDP, &udp(4789, &[&vni, frame.as_slice()].concat())))),
        wrapped(&[VxlanGpe], in_udp(4790, &[&[0x0c, 0, 0, 1, 0, 0, 7, 0], four])),
        wrapped(&[VxlanGpe], in_udp(4790, &[&[0x0c, 0, 0, 2, 0, 0, 7, 0], six])),
        wrapped(&[VxlanGpe], in_udp(4790, &[&[0x0c, 0, 0, 3, 0, 0, 7, 0], &frame])),
        wrapped(&[Geneve], in_udp(6081, &[&[0, 0, 0x65, 0x58, 0, 0, 7, 0], &frame])),
        wrapped(&[Geneve, Vlan], in_udp(6081, &[&[2, 0x40, 0x65, 0x58, 0, 0, 7, 0, 1, 2, 3, 1, 9, 9, 9, 9], &tagged])),
        wrapped(&[Geneve], in_udp(6081, &[&[0, 0, 8, 0, 0, 0, 7, 0], four])),
        wrapped(&[GtpU], in_udp(2152, &[&[0x30, 0xff, 0, 60, 0, 0, 0, 1], four])),
        wrapped(&[GtpU], in_udp(2152, &[&[0x32, 0xff, 0, 60, 0, 0, 0, 1, 0, 5, 0, 0], six])),
        wrapped(
            &[GtpU],
            in_udp(2152, &[&[0x34, 0xff, 0, 60, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 9, 9, 0xc0, 1, 2, 2, 0], four]),
        ),
        wrapped(&[Teredo], in_udp(3544, &[six])),
        wrapped(&[Teredo], in_udp(3544, &[&[0, 1, 1, 2], &[7; 12], &[0, 0, 1, 2, 3, 4, 5, 6], six])),
        wrapped(&[L2tp], in_udp(1701, &[&[0, 2, 0, 1, 0, 2, 0xff, 3, 0, 0x21], four])),
        wrapped(&[L2tp], in_udp(1701, &[&[0x4a, 2, 0, 99, 0, 1, 0, 2, 0, 3, 0, 4, 0, 2, 9, 9, 0, 0x57], six])),
    ]
}

/// Headers that say little or nothing of what is behind them.
fn in_agreed_forms(inner: &Inner) -> Vec<Wrapped> {
    use Layer::{Ah, Capwap, IpInIp, L2tpV3, Macsec, Vlan};
    let Inner { four, six } = inner;
    let (four, six) = (&with_checksums(four), &with_checksums(six));
    let frame = ethernet(0x0800, four);
    let tagged = ethernet(0x8100, &vlan(9, 0x86dd, six));
    let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    let wifi = |control: [u8; 2]| [control.as_slice(), &[0; 22], &snap, four].concat();
    let authenticated = |next: u8, body: &[u8]| [&[next, 4], [0; 22].as_slice(), body].concat();
    vec![
        wrapped(&[Macsec], ethernet(0x88e5, &[&[0, 0, 0, 0, 0, 1, 8, 0], four.as_slice()].concat())),
        wrapped(
            &[Macsec],
            ethernet(0x88e5, &[&[0x23, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 0, 1, 8, 0], &four[..]].concat()),
        ),
        wrapped(&[Macsec, Vlan], ethernet(0x88e5, &[&[0, 0, 0, 0, 0, 1, 0x81, 0], &vlan(9, 0x86dd, six)[..]].concat())),
        wrapped(&[L2tpV3], in_ipv4(115, &[&[0, 0, 0, 7], &frame])),
        wrapped(&[L2tpV3], in_ipv4(115, &[&[0, 0, 0, 7], &[0xab; 4], &frame])),
        wrapped(&[L2tpV3, Vlan], in_ipv4(115, &[&[0, 0, 0, 7], &[0xab; 8], &[0x40, 0, 0, 9], &tagged])),
        wrapped(&[L2tpV3], in_ipv4(115, &[&[0, 0, 0, 7], &[0; 4], &[0xff, 3, 0, 0x21], four])),
        wrapped(&[L2tpV3], in_ipv4(115, &[&[0, 0, 0, 7], &[0x0f, 0, 0x86, 0xdd], six])),
        wrapped(&[L2tpV3], in_udp(1701, &[&[0, 3, 0, 0, 0, 0, 0, 7], &[0; 4], &frame])),
        wrapped(&[Capwap], in_udp(5247, &[&[0, 0x10, 0x02, 0, 0, 0, 0, 0], &frame])),
        wrapped(&[Capwap], in_udp(5247, &[&[0, 0x10, 0x03, 0, 0, 0, 0, 0], &wifi([0x08, 1])])),
        wrapped(&[Capwap], in_udp(5247, &[&[0, 0x10, 0x03, 0, 0, 0, 0, 0], &wifi([2, 0x08])])),
        wrapped(&[Capwap], in_udp(5247, &[&[0, 0x18, 0x03, 0x20, 0, 0, 0, 0], &[3, 9, 9, 9], &wifi([0x08, 2])])),
        wrapped(&[Ah], ethernet(0x0800, &with(ipv4(51, &[], &authenticated(TCP, &four[20..])), 12, &four[12..20]))),
        wrapped(&[Ah], ethernet(0x86dd, &with(ipv6(51, &authenticated(TCP, &six[40..])), 8, &six[8..40]))),
        wrapped(&[Ah, IpInIp], in_ipv4(51, &[&authenticated(4, four)])),
    ]
}

/// ESP around a payload: padding to four bytes, next header, and an integrity check value.
fn esp(next: u8, payload: &[u8], check_len: usize) -> Vec<u8> {
    let padding = [1, 2, 3].get(..(6 - payload.len() % 4) % 4).unwrap();
    let trailer = [u8::try_from(padding.len()).unwrap(), next];
    [&[0, 0, 0x10, 1, 0, 0, 0, 1], payload, padding, &trailer, &vec![0xa5; check_len]].concat()
}

/// What has something behind the segment that is not its own.
fn with_trailers(inner: &Inner) -> Vec<Wrapped> {
    use Layer::{EspNull, IpInIp, Macsec};
    let (four, six) = (with_checksums(&inner.four), with_checksums(&inner.six));
    let short = [&[0x20, 0x2f, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2, 0, 1, 8, 0], &four[..], &[0xa5; 16]].concat();
    let mut all = vec![
        wrapped(&[Macsec], ethernet(0x88e5, &short)),
        wrapped(&[EspNull], ethernet(0x86dd, &with(ipv6(50, &esp(TCP, &six[40..], 12)), 8, &six[8..40]))),
        wrapped(&[EspNull, IpInIp], in_ipv4(50, &[&esp(4, &four, 12)])),
        wrapped(&[EspNull, IpInIp], in_ipv4(50, &[&esp(41, &six, 16)])),
    ];
    let transported = |esp: Vec<u8>| {
        let packet = with(ipv4(50, &[], &esp), 12, &four[12..20]);
        wrapped(&[EspNull], ethernet(0x0800, &[&packet[..], &[0; 9]].concat()))
    };
    all.extend([0, 12, 16, 24, 32].map(|check_len| transported(esp(TCP, &four[20..], check_len))));
    let gmac = [&[9; 8], &four[20..]].concat();
    all.push(transported(esp(TCP, &gmac, 16)));
    all
}

/// Link types other than Ethernet.
fn in_other_links(inner: &Inner) -> Vec<Wrapped> {
    let Inner { four, six } = inner;
    let snap = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
    let link = |link: LinkType, parts: &[&[u8]]| Wrapped { link, bytes: parts.concat(), layers: &[] };
    let wifi = |control: [u8; 2]| [control.as_slice(), &[0; 22]].concat();
    let subframe = [[2; 12].as_slice(), &be16(8 + four.len()), &snap, four].concat();
    vec![
        link(LinkType::PPP, &[&[0, 0x21], four]),
        link(LinkType::PPP, &[&[0xff, 3, 0x57], six]),
        link(LinkType::PPP, &[&[0x8f, 0, 8, 0], four]),
        link(LinkType::PPP_SERIAL, &[&[0xff, 3, 0, 0x21], four]),
        link(LinkType::PPP_SERIAL, &[&[0x0f, 0, 8, 0], four]),
        Wrapped { layers: &[Layer::Pppoe], ..link(LinkType::PPP_ETHER, &[&[0x11, 0, 0, 1, 0, 99, 0, 0x21], four]) },
        link(LinkType::C_HDLC, &[&[0x0f, 0, 0x86, 0xdd], six]),
        link(LinkType::FDDI, &[&[0x50], &[2; 12], &snap, four]),
        link(LinkType::TOKEN_RING, &[&[0x10, 0x40], &[2; 12], &snap, four]),
        link(LinkType::TOKEN_RING, &[&[0x10, 0x40], &[2; 6], &[0x82; 6], &[4, 0, 0, 0], &snap, four]),
        link(LinkType::IEEE802_11, &[&wifi([0x08, 1]), &snap, four]),
        link(LinkType::IEEE802_11, &[&wifi([0x08, 3]), &[0; 6], &snap, four]),
        link(LinkType::IEEE802_11, &[&wifi([0x88, 0x82]), &[0; 6], &snap, four]),
        link(LinkType::IEEE802_11, &[&wifi([0x88, 2]), &[0x80, 0], &subframe]),
        link(LinkType::IEEE802_11_RADIOTAP, &[&[0, 0, 8, 0, 0, 0, 0, 0], &wifi([0x88, 2]), &[0, 0], &snap, four]),
        link(
            LinkType::IEEE802_11_RADIOTAP,
            &[&[0, 0, 17, 0, 3, 0, 0, 0], &[0; 8], &[0x20], &wifi([0x88, 2]), &[0; 4], &snap, four],
        ),
        link(
            LinkType::IEEE802_11_RADIOTAP,
            &[&[0, 0, 13, 0, 2, 0, 0, 0x80, 0, 0, 0, 0, 0x20], &wifi([0x88, 2]), &[0; 4], &snap, four],
        ),
    ]
}

/// Wide-area and cluster networks.
fn in_wide_links(inner: &Inner) -> Vec<Wrapped> {
    let Inner { four, six } = inner;
    let frame = ethernet(0x0800, four);
    let link = |link: LinkType, parts: &[&[u8]]| Wrapped { link, bytes: parts.concat(), layers: &[] };
    vec![
        link(LinkType::SLIP, &[&[1, 0x45], &[0; 14], four]),
        link(LinkType::ATM_RFC1483, &[&[0xaa, 0xaa, 3, 0, 0, 0, 0x86, 0xdd], six]),
        link(LinkType::ATM_RFC1483, &[&[0xfe, 0xfe, 3, 0xcc], four]),
        link(LinkType::ATM_RFC1483, &[&[3, 0x8e], six]),
        link(LinkType::ATM_RFC1483, &[&[0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 7, 0, 0], &frame]),
        link(LinkType::FRELAY, &[&[0x18, 0x41, 3, 0xcc], four]),
        link(LinkType::FRELAY, &[&[0x18, 0x40, 0x03, 3, 0, 0x8e], six]),
        link(LinkType::FRELAY, &[&[0x18, 0x40, 0x02, 0x03, 3, 0xcf, 0, 0x21], four]),
        link(LinkType::FRELAY, &[&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 8, 0], four]),
        link(LinkType::FRELAY, &[&[0x18, 0x41, 3, 0, 0x80, 0, 0x80, 0xc2, 0, 7], &frame]),
        link(LinkType::FRELAY, &[&[0x18, 0x41, 8, 0], four]),
        link(LinkType::PPP_PPPD, &[&[1, 3, 0, 0x21], four]),
        link(LinkType::PPP_PPPD, &[&[0, 0xff, 3, 0, 0x57], six]),
        link(LinkType::IPOIB, &[&[7; 40], &[8, 0, 0, 0], four]),
    ]
}

/// Headers of capturing systems.
fn behind_notes(inner: &Inner) -> Vec<Wrapped> {
    let Inner { four, six } = inner;
    let frame = ethernet(0x0800, four);
    let wifi = [&[8, 1], &[0; 22][..], &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], four].concat();
    let aggregate =
        [&[0x88, 2], &[0; 22][..], &[0x80, 0], &[2; 12], &be16(8 + four.len()), &wifi[24..32], four].concat();
    let avs = [&[0x80, 0x21, 0x10, 1, 0, 0, 0, 64], &[0; 56][..], &wifi].concat();
    let tap = |link: u8| [&[108, 0, 0, 0, 1, 0, 0, 0, link, 0, 0, 0], &[0; 96][..]].concat();
    let link = |link: LinkType, parts: &[&[u8]]| Wrapped { link, bytes: parts.concat(), layers: &[] };
    vec![
        link(LinkType::ENC, &[&[2, 0, 0, 0], &[0; 8], four]),
        link(LinkType::ENC, &[&[0, 0, 0, 24], &[0; 8], six]),
        link(LinkType::PFLOG, &[&[61, 2], &[0; 62], four]),
        link(LinkType::PFLOG, &[&[100, 24], &[0; 98], six]),
        link(LinkType::NFLOG, &[&[2, 0, 0, 5], &[5, 0, 10, 0, 0, 0, 0, 0], &[64, 0, 9, 0], four]),
        link(LinkType::NFLOG, &[&[10, 0, 0, 5], &[0, 8, 0x80, 20, 0, 0, 0, 0], &[0, 64, 0, 9], six]),
        link(LinkType::PRISM, &[&[0, 0, 0, 0x44, 0, 0, 0, 144], &[0; 136], &wifi]),
        link(LinkType::PRISM, &[&avs]),
        link(LinkType::IEEE802_11_AVS, &[&avs]),
        link(LinkType::PPI, &[&[0, 0, 12, 0, 105, 0, 0, 0], &[0; 4], &wifi]),
        link(LinkType::PPI, &[&[0, 0, 8, 0, 105, 0, 0, 0], &aggregate]),
        link(LinkType::PPI, &[&[0, 0, 8, 0, 1, 0, 0, 0], &frame]),
        link(LinkType::PKTAP, &[&tap(1), &frame]),
        link(LinkType::PKTAP, &[&tap(12), six]),
        link(LinkType::JUNIPER_ETHER, &[b"MGC", &[1], &frame]),
        link(LinkType::JUNIPER_ETHER, &[b"MGC", &[0x80, 0, 3, 1, 1, 7], &frame]),
        link(LinkType::JUNIPER_ETHER, &[b"MGC", &[0x82, 0, 0, 0, 0, 0, 0], six]),
        link(LinkType::NETANALYZER, &[&[0, 4, 60, 0], &frame]),
        link(LinkType::ETHERNET_MPACKET, &[&[0x55; 7], &[0xd5], &frame]),
        link(LinkType::ETHERNET_MPACKET, &[&[0x55; 6], &[0x4c], &frame]),
    ]
}

/// The segment in every encapsulation there is.
pub(in crate::decode) fn frames(segment: &[u8]) -> Vec<(LinkType, Vec<u8>)> {
    everywhere(&Inner::of(segment)).into_iter().map(|wrapped| (wrapped.link, wrapped.bytes)).collect()
}

fn everywhere(inner: &Inner) -> Vec<Wrapped> {
    [behind_headers(inner), with_trailers(inner)].concat()
}

/// Encapsulations that have headers only.
fn behind_headers(inner: &Inner) -> Vec<Wrapped> {
    let tunnels = [in_generic_routing(inner), in_ip_and_udp(inner), in_agreed_forms(inner)];
    let links = [in_other_links(inner), in_wide_links(inner), behind_notes(inner)];
    [below_ip(inner), tunnels.concat(), links.concat()].concat()
}

fn decode_frame(bytes: Vec<u8>) -> Result<Decoded<'static>, Skip> {
    decode(&frame(LinkType::ETHERNET, bytes.leak()))
}

#[test]
fn notes_without_a_packet_have_no_segment() {
    let packet = inner4(&segment(RST_ACK, &[], &[]));
    let frame_behind = ethernet(0x0800, &packet);
    let decoded = |link: LinkType, parts: &[&[u8]]| decode(&frame(link, &parts.concat())).map(|_| ());
    let tap = |kind: u8, link: u8| [&[12, 0, 0, 0, kind, 0, 0, 0, link, 0, 0, 0], &frame_behind[..]].concat();
    for (link, bytes, why) in [
        (LinkType::PKTAP, tap(1, 1), Ok(())),
        (LinkType::PKTAP, tap(0, 1), Err(Skip::NotIp)),
        (LinkType::PKTAP, tap(1, 192), Err(Skip::UnknownLinkType)),
        (LinkType::PPI, [&[0, 0, 8, 0, 1, 0, 1, 0], &frame_behind[..]].concat(), Err(Skip::UnknownLinkType)),
        (LinkType::NETANALYZER, [&[0, 5, 60, 0], &frame_behind[..]].concat(), Err(Skip::NotIp)),
        (LinkType::ETHERNET_MPACKET, [&[0x55, 0x61], &frame_behind[..]].concat(), Err(Skip::NotIp)),
        (LinkType::JUNIPER_ETHER, [&b"MGD\x01"[..], &frame_behind].concat(), Err(Skip::Malformed)),
        (LinkType::PFLOG, [&[44, 2], &[0; 42][..], &packet].concat(), Err(Skip::Malformed)),
        (LinkType::PFLOG, [&[61, 18], &[0; 62][..], &packet].concat(), Err(Skip::NotIp)),
        (LinkType::NFLOG, [&[2, 1, 0, 0, 64, 0, 9, 0], &packet[..]].concat(), Err(Skip::Malformed)),
        (LinkType::NFLOG, [&[2, 0, 0, 0, 3, 0, 1, 0], &packet[..]].concat(), Err(Skip::Malformed)),
        (LinkType::FRELAY, [&[0x01], &packet[..]].concat(), Err(Skip::Malformed)),
        (LinkType::FRELAY, [&[0x18, 0x40, 2, 2, 3, 0xcc], &packet[..]].concat(), Err(Skip::Malformed)),
        (LinkType::FRELAY, [&[0x18, 0x41, 3, 0x81], &packet[..]].concat(), Err(Skip::NotIp)),
    ] {
        assert_eq!(decoded(link, &[&bytes]), why, "{link}");
    }
}

#[test]
fn the_innermost_segment_is_the_same_in_every_encapsulation() {
    let body = segment(RST_ACK, &[], b"why");
    let plain = |packet: (u16, Vec<u8>)| decode_frame(ethernet(packet.0, &packet.1)).unwrap();
    let expected = [plain((0x0800, inner4(&body))), plain((0x86dd, inner6(&body)))];
    for (at, wrapped) in everywhere(&Inner::of(&body)).into_iter().enumerate() {
        let decoded = decode(&frame(wrapped.link, &wrapped.bytes));
        let decoded = decoded.unwrap_or_else(|skip| panic!("{at}: {:?}: {skip:?}", wrapped.layers));
        assert_eq!(decoded.encap.layers().collect::<Vec<_>>(), wrapped.layers, "{at}");
        assert!(expected.iter().any(|plain| plain.segment == decoded.segment), "{at}: {:?}", wrapped.layers);
        assert_eq!(decoded.payload, b"why", "{at}: {:?}", wrapped.layers);
    }
}

/// What is cut before the window field is counted, what is cut later has the whole length.
#[test]
fn every_snapshot_length_gives_what_it_shows() {
    for wrapped in behind_headers(&Inner::of(&segment(SYN, &SYN_OPTIONS, b"hello"))) {
        let whole = wrapped.bytes.len();
        for snap in 0..whole {
            let decoded = decode(&cut_frame(wrapped.link, &wrapped.bytes[..snap], whole));
            match decoded {
                Ok(decoded) => assert!(snap + 29 >= whole && decoded.segment.len == 5, "{:?} {snap}", wrapped.layers),
                Err(skip) => assert!(snap + 29 < whole, "{:?} {snap} {skip:?}", wrapped.layers),
            }
        }
    }
}

/// Without its end nothing tells ESP without encryption from any other.
#[test]
fn what_ends_in_a_trailer_is_read_whole_or_not_at_all() {
    for wrapped in with_trailers(&Inner::of(&segment(SYN, &SYN_OPTIONS, b"hello"))) {
        let whole = wrapped.bytes.len();
        let esp = wrapped.layers.contains(&Layer::EspNull);
        let padding = wrapped.bytes.iter().rev().take_while(|byte| **byte == 0).count();
        for snap in 0..whole - padding {
            let decoded = decode(&cut_frame(wrapped.link, &wrapped.bytes[..snap], whole));
            assert!(!esp || decoded.is_err(), "{:?} {snap}: {decoded:?}", wrapped.layers);
        }
    }
}

#[test]
fn esp_is_taken_for_plain_only_where_everything_fits() {
    let inner = with_checksums(&inner4(&segment(RST_ACK, &[], b"why")));
    let plain = esp(4, &inner, 12);
    let decoded = |esp: &[u8]| decode_frame(in_ipv4(50, &[esp])).map(|decoded| decoded.segment.len);
    assert_eq!(decoded(&plain), Ok(3));
    let trailer = plain.len() - 14;
    let header = 8;
    for (at, what) in [
        (trailer + 1, "next header"),
        (trailer, "length of the padding"),
        (trailer - 1, "padding"),
        (header, "version"),
        (header + 3, "total length"),
        (header + 8, "time to live, which the checksum covers"),
        (header + 10, "checksum"),
    ] {
        let damaged = with(plain.clone(), at, &[plain[at] ^ 0x01]);
        assert_eq!(decoded(&damaged), Err(Skip::Encrypted), "{what}");
    }
    let transported = |segment: &[u8]| {
        let packet = with(ipv4(50, &[], &esp(TCP, segment, 16)), 12, &inner[12..20]);
        decode_frame(ethernet(0x0800, &packet)).map(|decoded| decoded.segment.len)
    };
    assert_eq!(transported(&inner[20..]), Ok(3));
    for at in 0..inner.len() - 20 {
        let damaged = with(inner[20..].to_vec(), at, &[inner[20 + at] ^ 0x10]);
        assert_eq!(transported(&damaged), Err(Skip::Encrypted), "{at}");
    }
    let fragment = with(ipv4(50, &[], &plain), 6, &[0x20, 0]);
    assert_eq!(decode_frame(ethernet(0x0800, &fragment)), Err(Skip::Fragment));
    assert_eq!(decode_frame(in_ipv4(50, &[&[0xa5; 80]])), Err(Skip::Encrypted));
}

#[test]
fn a_session_of_l2tp_is_read_in_one_way_or_not_at_all() {
    let packet = with_checksums(&inner4(&segment(RST_ACK, &[], &[])));
    let in_session = |data: &[&[u8]]| decode_frame(in_ipv4(115, &[&[0, 0, 0, 7], &data.concat()]));
    let frame = ethernet(0x0800, &packet);
    assert!(in_session(&[&[1; 12], &frame]).is_ok());
    assert_eq!(in_session(&[&[1; 16], &frame]), Err(Skip::NotTcp));
    assert_eq!(in_session(&[&with(frame.clone(), 24, &[0, 0])]), Err(Skip::NotTcp));
    // PPP with one packet, or Ethernet after a cookie of eight bytes with another that begins in the address of the first.
    let other = with(ipv4(TCP, &[], &packet), 16, &[8, 0, packet[0], packet[1]]);
    let other = Ipv4HeaderSlice::from_slice(&other).unwrap().to_header();
    let with_checksum = |sum: u16| {
        let header = with(other.to_bytes().to_vec(), 10, &sum.to_be_bytes());
        in_session(&[&[0xff, 3, 0, 0x21], &header[..18], &packet])
    };
    assert!(with_checksum(0).is_ok());
    assert_eq!(with_checksum(other.calc_header_checksum()), Err(Skip::NotTcp));
    assert_eq!(decode_frame(in_ipv4(115, &[&[0; 4], &frame])), Err(Skip::NotTcp));
    assert_eq!(decode_frame(in_udp(1701, &[&[0x80, 3, 0, 0, 0, 0, 0, 7], &frame])), Err(Skip::NotTcp));
    assert_eq!(decode_frame(in_udp(1701, &[&[0, 4, 0, 0, 0, 0, 0, 7], &frame])), Err(Skip::NotTcp));
}

#[test]
fn what_is_encrypted_or_no_data_has_no_segment() {
    let packet = inner4(&segment(RST_ACK, &[], &[]));
    let frame = ethernet(0x0800, &packet);
    let capwap = |header: [u8; 8]| decode_frame(in_udp(5247, &[&header, &frame]));
    assert_eq!(capwap([1, 0, 0, 0, 0, 0, 0, 0]), Err(Skip::Encrypted));
    assert_eq!(capwap([0, 0x10, 0x02, 0x08, 0, 0, 0, 0]), Err(Skip::NotTcp));
    assert_eq!(capwap([0, 0x08, 0x02, 0, 0, 0, 0, 0]), Err(Skip::NotTcp));
    assert_eq!(capwap([0, 0x10, 0x07, 0, 0, 0, 0, 0]), Err(Skip::NotTcp));
    assert_eq!(capwap([0, 0x10, 0x02, 0x80, 0, 9, 0, 0x08]), Err(Skip::Fragment));
    assert!(capwap([0, 0x10, 0x02, 0x80, 0, 9, 0, 0]).is_ok());
    let macsec = |tci: u8, short: u8| {
        decode_frame(ethernet(0x88e5, &[&[tci, short, 0, 0, 0, 1, 8, 0], packet.as_slice()].concat()))
    };
    assert!(macsec(0, 0).is_ok());
    for (tci, short) in [(0x0c, 0), (0x08, 0), (0x04, 0)] {
        assert_eq!(macsec(tci, short), Err(Skip::Encrypted), "{tci:#x} {short}");
    }
    assert_eq!(macsec(0x80, 0), Err(Skip::NotIp), "another version");
    assert_eq!(macsec(0, 1), Err(Skip::NotIp));
}

/// A client that aborts: SYN, SYN|ACK, ACK, RST|ACK.
fn connection() -> [Vec<Wrapped>; 4] {
    let sent =
        |flags: u8, seq: u8, ack: u8| Inner::of(&with(segment(flags, &[], &[]), 4, &[0, 0, 0, seq, 0, 0, 0, ack]));
    let received = |flags: u8, seq: u8, ack: u8| sent(flags, seq, ack).reversed();
    let [syn, syn_ack, ack, rst] =
        [sent(SYN, 100, 0), received(0x12, 50, 101), sent(0x10, 101, 51), sent(RST_ACK, 101, 51)];
    [everywhere(&syn), everywhere(&syn_ack), everywhere(&ack), everywhere(&rst)]
}

#[test]
fn a_reset_has_the_same_verdict_in_every_encapsulation() {
    let frames = connection();
    let verdict_in = |at: usize| {
        let mut analyzer = Analyzer::new(Options::default());
        for (wrapped, number) in frames.iter().map(|frames| &frames[at]).zip(1u32..) {
            let time = Timestamp::from_nanos(i64::from(number) * 1_000_000);
            let no = FrameNo::new(0, u64::from(number));
            analyzer.push(&Frame { no, time, ..frame(wrapped.link, &wrapped.bytes) });
        }
        analyzer.finish();
        let findings: Vec<_> = analyzer.findings().collect();
        assert_eq!(findings.len(), 1, "{at}");
        (findings[0].verdict.clone(), findings[0].reset.layers.clone())
    };
    let (expected, _) = verdict_in(0);
    for (at, wrapped) in frames[0].iter().enumerate() {
        let (verdict, layers) = verdict_in(at);
        assert_eq!(
            (verdict.cause, verdict.certainty, verdict.effect.on_peer),
            (expected.cause, expected.certainty, expected.effect.on_peer),
            "{at}: {layers:?}"
        );
        assert_eq!(layers, wrapped.layers, "{at}");
    }
    assert_eq!(expected.class, Class::AbortiveClose);
}

#[test]
fn a_port_alone_is_no_tunnel() {
    let packet = inner4(&segment(RST_ACK, &[], &[]));
    let frame = ethernet(0x0800, &packet);
    let wrong: [(u16, &[u8], &[u8]); 11] = [
        (4789, &[0, 0, 0, 0, 0, 0, 7, 0], &frame),
        (4789, &[8, 0, 0, 0, 0, 0, 7, 1], &frame),
        (4790, &[0x1c, 0, 0, 1, 0, 0, 7, 0], &packet),
        (4790, &[0x0c, 0, 0, 9, 0, 0, 7, 0], &packet),
        (6081, &[0x40, 0, 8, 0, 0, 0, 7, 0], &packet),
        (6081, &[0, 1, 8, 0, 0, 0, 7, 0], &packet),
        (2152, &[0x50, 0xff, 0, 60, 0, 0, 0, 1], &packet),
        (2152, &[0x30, 1, 0, 60, 0, 0, 0, 1], &packet),
        (2152, &[0x34, 0xff, 0, 60, 0, 0, 0, 1, 0, 0, 0, 0x85, 0], &packet),
        (3544, &[], &packet),
        (1701, &[0x80, 2, 0, 1, 0, 2, 0, 0x21], &packet),
    ];
    for (port, header, inner) in wrong {
        assert_eq!(decode_frame(in_udp(port, &[header, inner])), Err(Skip::NotTcp), "{port} {header:?}");
    }
    assert_eq!(decode_frame(in_udp(53, &[&[8, 0, 0, 0, 0, 0, 7, 0], &frame])), Err(Skip::NotTcp));
}

#[test]
fn the_source_port_names_a_tunnel_too() {
    let inner = ethernet(0x0800, &inner4(&segment(RST_ACK, &[], &[])));
    let bytes = with(in_udp(9999, &[&[8, 0, 0, 0, 0, 0, 7, 0], &inner]), 34, &[0x12, 0xb5]);
    assert!(decode_frame(bytes).is_ok());
}

#[test]
fn what_a_tunnel_carries_beside_tcp_says_so() {
    let arp = ethernet(0x0806, &[0; 28]);
    let packet = inner4(&segment(RST_ACK, &[], &[]));
    let quoted = ipv4(1, &[], &[&[3, 3, 0, 0, 0, 0, 0, 0], packet.as_slice()].concat());
    assert_eq!(decode_frame(in_udp(4789, &[&[8, 0, 0, 0, 0, 0, 7, 0], &arp])), Err(Skip::NotTcp));
    assert_eq!(decode_frame(in_gre(&[&[0, 0, 8, 0], &quoted])), Err(Skip::Icmp));
    assert_eq!(decode_frame(in_ipv4(4, &[&quoted])), Err(Skip::Icmp));
    assert_eq!(decode_frame(in_gre(&[&[0x40, 0, 8, 0, 0, 0, 0, 0], &packet])), Err(Skip::NotTcp));
    assert_eq!(decode_frame(in_gre(&[&[0, 0, 0, 0]])), Err(Skip::NotTcp));
    assert_eq!(decode_frame(in_ipv4(97, &[&[0x20, 0], &arp])), Err(Skip::NotTcp));
    assert_eq!(decode_frame(ethernet(0x8864, &[0x11, 0, 0, 1, 0, 4, 0xc0, 0x21, 1, 1])), Err(Skip::NotIp));
    assert_eq!(decode_frame(ethernet(0x8864, &[0x11, 9, 0, 1, 0, 4, 0, 0x21, 1, 1])), Err(Skip::NotIp));
}

/// The inner header tells the length of a segment whose outer packet was cut.
#[test]
fn the_first_fragment_of_a_tunnel_shows_what_it_holds() {
    let packet = in_ipv4(4, &[&inner4(&segment(RST_ACK, &SYN_OPTIONS, &[7; 8]))]);
    let fragment = |field: u16, captured: usize| {
        let bytes = with(packet.clone(), 20, &field.to_be_bytes()).leak();
        decode(&cut_frame(LinkType::ETHERNET, &bytes[..captured], bytes.len())).map(|decoded| decoded.segment.len)
    };
    assert_eq!(fragment(0x2000, packet.len()), Err(Skip::Fragment));
    assert_eq!(fragment(0x2000, 14 + 20 + 20 + 16), Ok(8));
    assert_eq!(fragment(0x2000, 14 + 20 + 20 + 15), Err(Skip::Truncated));
    assert_eq!(fragment(0x0003, packet.len() - 1), Err(Skip::Truncated));
}

#[test]
fn the_way_inwards_ends_somewhere() {
    let packet = inner4(&segment(RST_ACK, &[], &[]));
    let deep = |depth: usize| (0..depth).fold(packet.clone(), |inner, _| ipv4(4, &[], &inner));
    assert_eq!(decode_frame(ethernet(0x0800, &deep(15))).unwrap().encap.layers().count(), 8);
    assert_eq!(decode_frame(ethernet(0x0800, &deep(16))), Err(Skip::NotTcp));
    let tagged = |depth: usize| {
        let tags = [0, 0, 0, 0, 0, 1, 0x88, 0xe5].repeat(depth - 1);
        decode_frame(ethernet(0x88e5, &[tags.as_slice(), &[0, 0, 0, 0, 0, 1, 8, 0], &packet].concat()))
    };
    assert!(tagged(15).is_ok());
    assert_eq!(tagged(16), Err(Skip::NotIp));
    let sealed = |depth: usize| {
        let packet = with_checksums(&packet);
        let deep = (0..depth).fold(packet, |inner, _| {
            let outer = ipv4(50, &[], &esp(4, &inner, 12));
            let sum = Ipv4HeaderSlice::from_slice(&outer).unwrap().to_header().calc_header_checksum();
            with(outer, 10, &sum.to_be_bytes())
        });
        decode_frame(ethernet(0x0800, &deep))
    };
    assert!(sealed(15).is_ok());
    assert_eq!(sealed(16), Err(Skip::NotTcp));
}
