//! One side believes in a connection that the other does not have.

use super::Words;

pub const LOST_STATE: Words = Words {
    sentence: "{sender} {maybe}no longer knows the connection that {receiver} still uses.",
    check: "did the program, host or address of {sender-host} stop, restart or move[ in the {idle} before {trigger}], or did a \
            device on the way forget the connection?[{just-alive} Capture at {sender-host} too: a reset that came from the path and \
            ended it there would show.] TCP keepalives at {r} (SO_KEEPALIVE, TCP_KEEPIDLE) tell sooner",
};

pub const SYN_DISCOVERY: Words = Words {
    sentence: "{sender} opened a new connection on ports where {receiver} {maybe}still held an old one; \
               this reset clears the old one away.",
    check: "did {sender-host} crash or restart without closing, or does a NAT use its port again too soon? \
            Keepalives at {r} clear such leftovers earlier",
};

pub const HANDSHAKE_ABANDONED: Words = Words {
    sentence: "{sender} {maybe}no longer wanted the connection it had asked {receiver} for.",
    check: "a connect() timeout or cancel that was shorter than the answer took, \
            or the slower address of a Happy Eyeballs race (RFC 8305), which is harmless",
};

pub const SYN_SCAN: Words = Words {
    sentence: "{sender} {maybe}scanned {receiver}: SYN, answer, reset, without ever connecting.",
    check: "port {receiver-port} is open to {sender-host}; if the scan is not yours, see what runs there. \
            Half-open health checks of load balancers look the same",
};

pub const BACKSCATTER: Words = Words {
    sentence: "{sender} refused a SYN|ACK of {receiver} that it {maybe}never asked for.",
    check: "nothing to change at {sender-host}; {receiver-host} may be under a flood of SYNs with spoofed addresses \
            (net.ipv4.tcp_syncookies=1 helps there)",
};

pub const STALE_SYN_ACK: Words = Words {
    sentence: "{sender} refused a SYN|ACK of {receiver} with numbers {maybe}of another attempt.",
    check: "harmless if the attempt then succeeds (an old duplicate); otherwise a NAT or SYN proxy on the way \
            that mixes connections, or a forged SYN|ACK",
};

pub const BAD_HANDSHAKE_ACK: Words = Words {
    sentence: "{sender} refused the end of the handshake with {receiver}: {maybe}its ACK number was wrong.",
    check: "a SYN proxy, load balancer or NAT on the way that changes sequence numbers, or an ACK of an older attempt",
};

pub const PAWS_REJECT: Words = Words {
    sentence: "{sender} refused the SYN|ACK of {receiver}: {maybe}it echoes a timestamp that {s} never sent.",
    check: "a NAT or load balancer on the way that mixes the timestamps of several hosts; \
            to test: net.ipv4.tcp_timestamps=0 at {s}",
};

pub const LATE_SEGMENT: Words = Words {
    sentence: "{sender} answered a late segment of {receiver}: {maybe}both sides had closed before.",
    check: "nothing to change: the connection was over",
};

pub const STRAY_ACK: Words = Words {
    sentence: "{sender} answered a stray ACK of {receiver} that {maybe}belongs to no connection.",
    check: "nothing to change at {sender-host} if it is a scan with ACKs; \
            otherwise start the capture earlier to see the connection it belonged to",
};
