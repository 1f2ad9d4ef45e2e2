//! Resets that neither end's TCP made.

use super::Words;

pub const INJECTED: Words = Words {
    sentence: "{maybe}a third party sent this reset to {receiver} in the name of {sender}.",
    check: "which firewall, IPS, proxy or censor stands between them? Capture at {sender-host} too: \
            a reset that is missing there was made on the way\
            [{bad-checksum}; with a wrong checksum it is meant for devices that do not check, as tools against \
            inspection on {sender-host} send it (zapret)]",
};

pub const INJECTED_BURST: Words = Words {
    sentence: "{maybe}a third party sent several resets with differing numbers to {receiver} in the name of {sender}.",
    check: "which firewall, IPS or censor stands between them? Capture at {sender-host} too: \
            resets that are missing there were made on the way",
};

pub const BOTH_DIRECTIONS: Words = Words {
    sentence: "{maybe}a device on the way reset both ends at one instant: {receiver} in the name of {sender}, and the reverse.",
    check: "the log of the load balancers, firewalls and IPS on the way at that moment[; an idle timeout of {idle} or less \
            needs keepalives (TCP_KEEPIDLE) below it]",
};

pub const BLIND_ATTACK: Words = Words {
    sentence: "{maybe}somebody outside the connection tries sequence numbers until a reset to {receiver} \
               in the name of {sender} hits.",
    check: "RFC 5961 challenge ACKs protect current systems; filter spoofed sources at the border (BCP 38), \
            TCP-AO or TCP-MD5 for BGP",
};

pub const FIREWALL_REJECT: Words = Words {
    sentence: "{maybe}a firewall refused a segment of {receiver} in the middle of the connection, in the name of {sender}.",
    check: "rules that REJECT what conntrack calls INVALID: drop it instead (conntrack -S counts invalid; \
            net.netfilter.nf_conntrack_tcp_be_liberal=1 accepts out-of-window segments)",
};

pub const MIDDLEBOX_TIMEOUT: Words = Words {
    sentence: "{maybe}a device on the way had dropped the idle connection and reset {receiver} in the name of {sender}.",
    check: "[idle for {idle}: ]which firewall, NAT or load balancer has an idle timeout below that? Raise it, \
            or let keepalives run more often (SO_KEEPALIVE with TCP_KEEPIDLE)",
};

pub const NAT_STATE_LOST: Words = Words {
    sentence: "{maybe}a NAT had lost its mapping and reset {receiver} in the name of {sender}.",
    check: "did the NAT restart, fail over, or run out of ports or table entries? \
            Keepalives (SO_KEEPALIVE with TCP_KEEPIDLE) keep a mapping alive",
};

pub const IDS_RESPONSE: Words = Words {
    sentence: "{maybe}an intrusion detection system cut the connection: it reset {receiver} in the name of {sender}.",
    check: "the alerts of the IDS or IPS on the way at that moment, and the rule behind them (reject in Suricata and Snort)",
};
