//! Refused attempts to connect. The sender of the reset is the server.

use super::Words;

pub const NO_LISTENER: Words = Words {
    sentence: "{sender} refused {receiver}: {maybe}nothing listens on port {sender-port} there.",
    check: "is the service up, and does it listen on this address and port? On {sender-host}: ss -ltn; \
            a listener on 127.0.0.1 or ::1 is not reachable from outside",
};

pub const REFUSED_BY_FIREWALL: Words = Words {
    sentence: "{sender} refused {receiver}: {maybe}a firewall answered, not the server's own TCP.",
    check: "a rule for port {sender-port} on {sender-host} or on the way to it: iptables REJECT --reject-with tcp-reset, \
            nft reject with tcp reset",
};

pub const BACKLOG_FULL: Words = Words {
    sentence: "{sender} refused {receiver} though the port accepts others: {maybe}its queue of connections was full.",
    check: "raise the backlog given to listen() on port {sender-port}, or accept faster; \
            behind a load balancer: had it a healthy target at that moment?",
};

pub const ACCEPT_QUEUE_OVERFLOW: Words = Words {
    sentence: "{sender} reset {receiver} as the handshake ended: {maybe}the accept queue of port {sender-port} was full.",
    check: "on {sender-host}: ss -ltn (Recv-Q against its limit Send-Q), nstat -az TcpExtListenOverflows; accept faster, or \
            raise the backlog and net.core.somaxconn; on Linux the reset itself comes from net.ipv4.tcp_abort_on_overflow=1",
};

pub const LISTENER_GONE: Words = Words {
    sentence: "{sender} reset {receiver} as the handshake ended: {maybe}the listener on port {sender-port} had just closed.",
    check: "did the service stop or restart at that moment? Take it out of rotation before it closes its listener",
};

pub const SYN_CONFLICT: Words = Words {
    sentence: "{sender} refused a SYN of {receiver}: {maybe}a SYN with other numbers was still pending on the same ports.",
    check: "who else uses {receiver-host} port {receiver-port}: two clients behind one NAT, or a client that restarted and \
            took the same port again; a later retry may succeed",
};

pub const ECN_SYN_REFUSED: Words = Words {
    sentence: "{sender} refused the SYN of {receiver} that asked for ECN: {maybe}a device on the way does not tolerate it.",
    check: "find and update the device that resets SYNs asking for ECN (RFC 3360 forbids it); \
            net.ipv4.tcp_ecn=2 on a Linux client no longer asks",
};

pub const MPTCP_JOIN_REFUSED: Words = Words {
    sentence: "{sender} refused {receiver} as a subflow: {maybe}it knows no MPTCP connection with the token of that SYN.",
    check: "harmless where the MPTCP connection had just ended; otherwise does another host, or another process behind a load \
            balancer, answer on {sender-host} port {sender-port}? ip mptcp endpoint show on both hosts",
};

pub const PROBE_ANSWERED: Words = Words {
    sentence: "{sender} answered a probe of {receiver}: {maybe}a scan, not an attempt to connect.",
    check: "nothing to change at {sender-host}; if the scan is not yours, see what runs on {receiver-host} \
            (a probe's source address may be spoofed)",
};
