//! What may stand around the innermost segment of a frame.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A layer around the innermost segment, beside the link layer itself and the IP header next to it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum Layer {
    /// A VLAN tag (IEEE 802.1Q, 802.1ad).
    Vlan,
    /// PPP over Ethernet (RFC 2516).
    Pppoe,
    /// MPLS labels, any number (RFC 3032), with a pseudowire's control word (RFC 4448) or without.
    Mpls,
    /// Provider backbone bridging (IEEE 802.1ah).
    Pbb,
    /// An E-tag of a port extender (IEEE 802.1BR).
    Etag,
    /// Cisco's VN-tag.
    Vntag,
    /// Cisco's FabricPath.
    FabricPath,
    /// GRE (RFC 2784, RFC 2890).
    Gre,
    /// GRE with Ethernet and a key (RFC 7637).
    Nvgre,
    /// A mirrored frame, type I, II or III (draft-foschiano-erspan), below GRE.
    Erspan,
    /// Web cache redirection (draft-wilson-wrec-wccp-v2), below GRE.
    Wccp,
    /// PPTP's GRE with PPP in it (RFC 2637).
    Pptp,
    /// MikroTik's Ethernet over GRE.
    Eoip,
    /// IP in IP, any versions (RFC 2003, RFC 2473, RFC 4213).
    IpInIp,
    /// Ethernet in IP (RFC 3378).
    EtherIp,
    /// VXLAN (RFC 7348).
    Vxlan,
    /// VXLAN with a protocol field (draft-ietf-nvo3-vxlan-gpe).
    VxlanGpe,
    /// Geneve (RFC 8926).
    Geneve,
    /// GTP version 1, user plane (3GPP TS 29.281).
    GtpU,
    /// Teredo (RFC 4380).
    Teredo,
    /// L2TP version 2 (RFC 2661) with PPP in it.
    L2tp,
    /// L2TP version 3 (RFC 3931), over IP or UDP.
    L2tpV3,
    /// The data channel between access point and controller (RFC 5415), not encrypted.
    Capwap,
    /// A security tag without encryption (IEEE 802.1AE).
    Macsec,
    /// An authentication header (RFC 4302), inside the IP packet before it.
    Ah,
    /// ESP without encryption (RFC 4303, RFC 2410), inside the IP packet before it.
    EspNull,
}

impl Layer {
    /// The stable id, as JSON spells it.
    pub fn id(self) -> &'static str {
        match self {
            Layer::Vlan => "vlan",
            Layer::Pppoe => "pppoe",
            Layer::Mpls => "mpls",
            Layer::Pbb => "pbb",
            Layer::Etag => "e-tag",
            Layer::Vntag => "vn-tag",
            Layer::FabricPath => "fabricpath",
            Layer::Gre => "gre",
            Layer::Nvgre => "nvgre",
            Layer::Erspan => "erspan",
            Layer::Wccp => "wccp",
            Layer::Pptp => "pptp",
            Layer::Eoip => "eoip",
            Layer::IpInIp => "ip-in-ip",
            Layer::EtherIp => "etherip",
            Layer::Vxlan => "vxlan",
            Layer::VxlanGpe => "vxlan-gpe",
            Layer::Geneve => "geneve",
            Layer::GtpU => "gtp-u",
            Layer::Teredo => "teredo",
            Layer::L2tp => "l2tp",
            Layer::L2tpV3 => "l2tpv3",
            Layer::Capwap => "capwap",
            Layer::Macsec => "macsec",
            Layer::Ah => "ah",
            Layer::EspNull => "esp-null",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}
