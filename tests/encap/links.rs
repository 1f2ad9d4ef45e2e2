//! Link layers, and the tags and labels between them and IP.

use rstscan::frame::LinkType;

use crate::bytes::{SNAP, checksum, ethernet, frame, stations, tag};
use crate::connection::Packet;
use crate::table::{Tshark, Wrap};

/// Ethernet with an entry's name, layers and bytes.
fn on_ethernet(name: &'static str, layers: &'static str, wrap: fn(&Packet) -> Vec<u8>) -> Wrap {
    on(LinkType::ETHERNET, name, wrap).with_layers(layers)
}

fn on(link: LinkType, name: &'static str, wrap: fn(&Packet) -> Vec<u8>) -> Wrap {
    Wrap { name, link, layers: "", tshark: Tshark::ByDefault, wrap }
}

pub fn lengths() -> Vec<Wrap> {
    vec![
        // As segmentation offload leaves it.
        on_ethernet("total-length-0", "", |p| {
            let mut packet = p.four.clone();
            packet[2..4].fill(0);
            ethernet(p, 0x0800, &[&packet])
        }),
        on_ethernet("payload-length-0", "", |p| {
            let mut packet = p.six.clone();
            packet[4..6].fill(0);
            ethernet(p, 0x86dd, &[&packet])
        })
        .with_tshark(Tshark::With(&["-o", "ipv6.tso_support:TRUE"])),
        on_ethernet("padded-with-trailer", "", |p| {
            let mut padded = frame(p);
            padded.resize(padded.len().max(60), 0);
            [padded.as_slice(), &[0xfc; 4]].concat()
        }),
    ]
}

pub fn tags() -> Vec<Wrap> {
    vec![
        on_ethernet("ethernet", "", frame),
        on_ethernet("vlan", "vlan", |p| ethernet(p, 0x8100, &[&tag(7, 0x0800), &p.four])),
        on_ethernet("qinq", "vlan vlan", |p| ethernet(p, 0x88a8, &[&tag(3, 0x8100), &tag(7, 0x0800), &p.four])),
        on_ethernet("three-tags", "vlan vlan vlan", |p| {
            ethernet(p, 0x88a8, &[&tag(3, 0x88a8), &tag(4, 0x8100), &tag(7, 0x86dd), &p.six])
        }),
        on_ethernet("pbb", "vlan pbb", |p| ethernet(p, 0x88a8, &[&tag(3, 0x88e7), &[0, 0, 0, 7], &frame(p)])),
        on_ethernet("e-tag", "e-tag", |p| ethernet(p, 0x893f, &[&[0, 0, 0, 7, 0, 0, 8, 0], &p.four])),
        on_ethernet("vn-tag", "vn-tag", |p| ethernet(p, 0x8926, &[&[0, 0, 0, 7, 8, 0], &p.four])),
        on_ethernet("fabricpath", "fabricpath vlan", |p| {
            ethernet(p, 0x8903, &[&[0x00, 0x60], &ethernet(p, 0x8100, &[&tag(7, 0x0800), &p.four])])
        }),
        on_ethernet("llc-snap", "", |p| ethernet(p, len(8 + p.four.len()), &[&SNAP, &p.four])),
        on_ethernet("pppoe", "pppoe", |p| {
            ethernet(p, 0x8864, &[&[0x11, 0, 0, 1], &len(2 + p.four.len()).to_be_bytes(), &[0, 0x21], &p.four])
        }),
        on_ethernet("macsec", "macsec", |p| {
            ethernet(p, 0x88e5, &[&[0x00, 0, 0, 0, 0, 1], &[8, 0], &p.four, &[0xa5; 16]])
        }),
        on_ethernet("macsec-sci", "macsec", |p| {
            let short = u8::try_from(2 + p.four.len()).ok().filter(|len| *len < 48).unwrap_or(0);
            ethernet(p, 0x88e5, &[&[0x20, short, 0, 0, 0, 1], &stations()[0], &[0, 1, 8, 0], &p.four, &[0xa5; 16]])
        }),
    ]
}

pub fn labels() -> Vec<Wrap> {
    vec![
        on_ethernet("mpls", "mpls", |p| ethernet(p, 0x8847, &[&[0, 1, 1, 64], &p.four])),
        on_ethernet("mpls-3-labels", "mpls", |p| {
            ethernet(p, 0x8847, &[&[0, 1, 0, 64, 0, 2, 0, 64, 0, 3, 1, 64], &p.six])
        }),
        on_ethernet("mpls-pseudowire", "mpls", |p| ethernet(p, 0x8847, &[&[0, 1, 1, 64], &frame(p)]))
            .with_tshark(Tshark::With(&["-d", "mpls.label==16,pwethnocw"])),
        on_ethernet("mpls-control-word", "mpls", |p| ethernet(p, 0x8847, &[&[0, 1, 1, 64], &[0; 4], &frame(p)]))
            .with_tshark(Tshark::With(&["-d", "mpls.label==16,pwethcw"])),
    ]
}

pub fn link_types() -> Vec<Wrap> {
    vec![
        on(LinkType::LINUX_SLL, "sll", |p| [&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0], &p.four[..]].concat()),
        on(LinkType::LINUX_SLL2, "sll2", |p| {
            [&[8, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], &p.four[..]].concat()
        }),
        on(LinkType::NULL, "null-little-endian", |p| [&[2, 0, 0, 0], &p.four[..]].concat()),
        on(LinkType::NULL, "null-big-endian", |p| [&[0, 0, 0, 30], &p.six[..]].concat()),
        on(LinkType::LOOP, "loop", |p| [&[0, 0, 0, 2], &p.four[..]].concat()),
        on(LinkType::RAW, "raw", |p| p.four.clone()),
        on(LinkType::RAW, "raw-6", |p| p.six.clone()),
        on(LinkType::RAW_BSD, "raw-bsd", |p| p.four.clone()),
        on(LinkType::RAW_OPENBSD, "raw-openbsd", |p| p.four.clone()),
        on(LinkType::IPV4, "ipv4", |p| p.four.clone()),
        on(LinkType::IPV6, "ipv6", |p| p.six.clone()),
        on(LinkType::PPP, "ppp", |p| [&[0xff, 3, 0, 0x21], &p.four[..]].concat()),
        on(LinkType::PPP, "ppp-hdlc", |p| [&[0x0f, 0, 8, 0], &p.four[..]].concat()),
        on(LinkType::PPP_SERIAL, "ppp-serial", |p| [&[0xff, 3, 0, 0x57], &p.six[..]].concat()),
        on(LinkType::PPP_ETHER, "ppp-ether", |p| {
            [&[0x11, 0, 0, 1], &len(2 + p.four.len()).to_be_bytes()[..], &[0, 0x21], &p.four].concat()
        })
        .with_layers("pppoe"),
        on(LinkType::C_HDLC, "cisco-hdlc", |p| [&[0x0f, 0, 8, 0], &p.four[..]].concat()),
        on(LinkType::FDDI, "fddi", |p| [&[0x50], &addresses(p)[..], &SNAP, &p.four].concat()),
        on(LinkType::TOKEN_RING, "token-ring", |p| [&[0x10, 0x40], &addresses(p)[..], &SNAP, &p.four].concat()),
        on(LinkType::TOKEN_RING, "token-ring-routed", |p| {
            let [to, from] = [&addresses(p)[..6], &addresses(p)[6..]].map(<[u8]>::to_vec);
            let routed = [&[from[0] | 0x80], &from[1..]].concat();
            [&[0x10, 0x40], &to[..], &routed, &[0x06, 0x30, 0, 0x11, 0, 0x20], &SNAP, &p.four].concat()
        }),
    ]
}

pub fn wide() -> Vec<Wrap> {
    vec![
        on(LinkType::SLIP, "slip", |p| [&[u8::from(p.from_client), 0x45], &[0; 14][..], &p.four].concat())
            .with_tshark(Tshark::Cannot("it does not read SLIP, but tcpdump does")),
        on(LinkType::ATM_RFC1483, "atm-snap", |p| [&SNAP, &p.four[..]].concat()),
        on(LinkType::ATM_RFC1483, "atm-bridged", |p| {
            [&[0xaa, 0xaa, 3, 0, 0x80, 0xc2, 0, 7, 0, 0], &frame(p)[..]].concat()
        }),
        on(LinkType::FRELAY, "frame-relay", |p| [&[0x18, 0x41, 3, 0xcc], &p.four[..]].concat()),
        on(LinkType::FRELAY, "frame-relay-snap", |p| {
            [&[0x18, 0x41, 3, 0, 0x80, 0, 0, 0, 0x86, 0xdd], &p.six[..]].concat()
        }),
        on(LinkType::FRELAY, "frame-relay-bridged", |p| {
            [&[0x18, 0x41, 3, 0, 0x80, 0, 0x80, 0xc2, 0, 7], &frame(p)[..]].concat()
        }),
        on(LinkType::FRELAY, "frame-relay-cisco", |p| [&[0x18, 0x41, 8, 0], &p.four[..]].concat()),
        on(LinkType::PPP_PPPD, "pppd", |p| [&[u8::from(!p.from_client), 3, 0, 0x21], &p.four[..]].concat())
            .with_tshark(Tshark::Cannot("it does not know the link type, but tcpdump does")),
        on(LinkType::IPOIB, "ipoib", |p| [&[0x80; 40][..], &[8, 0, 0, 0], &p.four[..]].concat()),
    ]
}

pub fn behind_notes() -> Vec<Wrap> {
    vec![
        on(LinkType::ENC, "enc", |p| [&[2, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0], &p.four[..]].concat()),
        on(LinkType::PFLOG, "pflog", |p| [&[61, 2, 0, 0][..], b"em0", &[0; 57], &p.four].concat()),
        on(LinkType::NFLOG, "nflog", |p| {
            let (header, prefix) = ([8, 0, 1, 0, 8, 0, 1, 0], [5, 0, 10, 0, 0, 0, 0, 0]);
            [&[2, 0, 0, 5][..], &header, &prefix, &len(4 + p.four.len()).to_le_bytes(), &[9, 0], &p.four].concat()
        }),
        on(LinkType::NFLOG, "nflog-big-endian", |p| {
            let (header, prefix) = ([0, 8, 0, 1, 0x86, 0xdd, 1, 0], [0, 5, 0, 10, 0, 0, 0, 0]);
            [&[10, 0, 0, 5][..], &header, &prefix, &len(4 + p.six.len()).to_be_bytes(), &[0, 9], &p.six].concat()
        })
        .with_tshark(Tshark::Cannot("it goes by the byte order of the file")),
        on(LinkType::JUNIPER_ETHER, "juniper-ethernet", |p| {
            [b"MGC", &[0x80, 0, 6, 1, 1, 7, 3, 1, 1][..], &frame(p)].concat()
        }),
        on(LinkType::JUNIPER_ETHER, "juniper-without-ethernet", |p| {
            [b"MGC", &[0x02][..], &[2, 0, 0, 0], &p.four].concat()
        }),
        on(LinkType::NETANALYZER, "netanalyzer", |p| {
            let length = len(frame(p).len() + 4).to_le_bytes();
            [&[0, 4], &length, &frame(p)[..], &[0xfc; 4]].concat()
        }),
        on(LinkType::ETHERNET_MPACKET, "mpacket", |p| mpacket(0xd5, &frame(p))),
        on(LinkType::ETHERNET_MPACKET, "mpacket-preemptable", |p| mpacket(0x4c, &frame(p))),
        on(LinkType::PPI, "ppi-ethernet", |p| [&[0, 0, 8, 0, 1, 0, 0, 0], &frame(p)[..]].concat()),
        on(LinkType::PPI, "ppi-wifi", |p| [&[0, 0, 8, 0, 105, 0, 0, 0], &wifi_data(p)[..]].concat()),
        on(LinkType::PKTAP, "pktap", |p| {
            let header = [&[108, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0], &b"en0"[..], &[0; 93]].concat();
            [&header[..], &frame(p)].concat()
        }),
        on(LinkType::PRISM, "prism", |p| {
            [&[0x44, 0, 0, 0, 144, 0, 0, 0], &b"wlan0"[..], &[0; 131], &wifi_data(p)].concat()
        }),
        on(LinkType::PRISM, "prism-avs", |p| [&avs()[..], &wifi_data(p)].concat()),
        on(LinkType::IEEE802_11_AVS, "avs", |p| [&avs()[..], &wifi_data(p)].concat()),
    ]
}

/// Preamble, delimiter, frame and checksum.
fn mpacket(delimiter: u8, frame: &[u8]) -> Vec<u8> {
    [&[0x55; 7], &[delimiter][..], frame, &checksum(frame)].concat()
}

/// An AVS header that says nothing.
fn avs() -> Vec<u8> {
    [&[0x80, 0x21, 0x10, 0x01, 0, 0, 0, 64], &[0; 56][..]].concat()
}

pub fn wireless() -> Vec<Wrap> {
    vec![
        on(LinkType::IEEE802_11, "wifi", wifi_data),
        on(LinkType::IEEE802_11, "wifi-qos", |p| [&wifi(p, 0x88, 2)[..], &[0, 0], &SNAP, &p.four].concat()),
        on(LinkType::IEEE802_11, "wifi-4-addresses", |p| {
            [&wifi(p, 0x88, 3)[..], &stations()[0], &[0, 0], &SNAP, &p.four].concat()
        }),
        on(LinkType::IEEE802_11, "wifi-aggregate", |p| {
            [&wifi(p, 0x88, 2)[..], &[0x80, 0], &addresses(p), &len(8 + p.four.len()).to_be_bytes(), &SNAP, &p.four]
                .concat()
        }),
        on(LinkType::IEEE802_11, "wifi-aggregate-second", |p| {
            let arp = [0xaa, 0xaa, 3, 0, 0, 0, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1];
            let first = [&addresses(p)[..], &len(8 + 28).to_be_bytes(), &arp, &[0; 20], &[0; 2]].concat();
            let second = [&addresses(p)[..], &len(8 + p.four.len()).to_be_bytes(), &SNAP, &p.four].concat();
            [&wifi(p, 0x88, 2)[..], &[0x80, 0], &first, &second].concat()
        }),
        on(LinkType::IEEE802_11_RADIOTAP, "radiotap", |p| {
            [&[0, 0, 8, 0, 0, 0, 0, 0], &wifi(p, 0x08, 1)[..], &SNAP, &p.four].concat()
        }),
        on(LinkType::IEEE802_11_RADIOTAP, "radiotap-padded-qos", |p| {
            let radiotap = [0, 0, 17, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x20];
            [&radiotap, &wifi(p, 0x88, 2)[..], &[0, 0], &[0, 0], &SNAP, &p.four].concat()
        }),
        on(LinkType::IEEE802_11_RADIOTAP, "radiotap-fcs", |p| {
            let radiotap = [0, 0, 9, 0, 2, 0, 0, 0, 0x10];
            let frame = [&wifi(p, 0x08, 1)[..], &SNAP, &p.four].concat();
            [&radiotap, &frame[..], &[0xfc; 4]].concat()
        }),
    ]
}

/// An IEEE 802.11 data frame.
fn wifi_data(packet: &Packet) -> Vec<u8> {
    [&wifi(packet, 0x08, 1)[..], &SNAP, &packet.four].concat()
}

fn len(bytes: usize) -> u16 {
    u16::try_from(bytes).expect("a small packet")
}

/// Destination and source.
fn addresses(packet: &Packet) -> Vec<u8> {
    ethernet(packet, 0, &[])[..12].to_vec()
}

/// An IEEE 802.11 header with three addresses; its sequence numbers differ, so that none is a retransmission.
fn wifi(packet: &Packet, control: u8, flags: u8) -> Vec<u8> {
    let number = packet.time_ns / crate::connection::GAP_NS % 256;
    let sequence = (u16::try_from(number).expect("below 256") << 4).to_le_bytes();
    [&[control, flags, 0, 0], &addresses(packet)[..], &[2, 0, 0, 0, 0, 0xaa], &sequence].concat()
}
