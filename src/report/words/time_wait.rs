//! Four-tuples used again too soon.

use super::Words;

pub const SYN_RESET_BY_CLIENT: Words = Words {
    sentence: "{sender} reset its own attempt to connect to {receiver}, which answered the SYN with numbers of an older \
               connection on these ports, {maybe}still in TIME-WAIT.",
    check: "[{retry-accepted}harmless here: the repeated SYN was accepted; should it happen often: ]\
            [{retry-not-accepted}did a later attempt connect? If not: ]several clients behind one NAT address, too few client ports \
            (net.ipv4.ip_local_port_range), or net.ipv4.tcp_rfc1337=1 on the server, which keeps the old connection",
};

pub const SYN_RESET_BY_SERVER: Words = Words {
    sentence: "{sender} refused the SYN of {receiver}: {maybe}the old connection on these ports was not gone yet.",
    check: "let ports come back later: a wider net.ipv4.ip_local_port_range, more client addresses, or connections kept open \
            instead of one for each request",
};

pub const ASSASSINATION: Words = Words {
    sentence: "{sender} cut the TIME-WAIT of {receiver} short: {maybe}a late segment drew an ACK, \
               and that ACK this reset (RFC 1337).",
    check: "nothing to change: both sides had closed; net.ipv4.tcp_rfc1337=1 on {receiver-host} keeps TIME-WAIT, \
            where ports are used again quickly",
};
