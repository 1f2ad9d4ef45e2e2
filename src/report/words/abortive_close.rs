//! Connections thrown away by the side that had them, or refused after their close.

use super::Words;

pub const ABORT: Words = Words {
    sentence: "{sender} {maybe}aborted its connection with {receiver}; the motive does not show on the wire.",
    check: "the log of {s}'s program at that moment: a timeout, an error path, a proxy's limit; close() with data unread, \
            SO_LINGER with zero timeout, ss -K and a killed process can all look like this",
};

pub const UNREAD_DATA: Words = Words {
    sentence: "{sender} {maybe}closed without reading all that {receiver} had sent, so its system reset the connection.",
    check: "{s}'s program should read to end-of-file before close(), or shutdown(SHUT_WR) and then read the rest\
            [{by-server}; an early error answer to an upload is the usual case, and the client may never see that answer]\
            [{by-client}; a cancelled download or a timeout in the client is the usual case]",
};

pub const LINGER_ZERO: Words = Words {
    sentence: "{sender} threw its connection with {receiver} away: {maybe}SO_LINGER with zero timeout, or its like.",
    check: "{s}'s program: SO_LINGER with l_linger 0 (setSoLinger, SetLinger), abort or disconnect calls; ss -K looks the \
            same; without them close() sends FIN and what is queued is still sent",
};

pub const DATA_AFTER_CLOSE: Words = Words {
    sentence: "{sender} had {maybe}closed already; {receiver} still sent, and this reset is the answer.",
    check: "{r} should stop when it reads end-of-file, or {s} should shutdown(SHUT_WR) and read until {r} closes, \
            instead of close()",
};

pub const KEEPALIVE_RACE: Words = Words {
    sentence: "{sender} reset {receiver}: {maybe}its close of the idle connection and {r}'s next request crossed on the way.",
    check: "{s}'s keep-alive timeout must be longer than the time {r} keeps connections in its pool[ (idle here: {idle})]; \
            a request that was never acknowledged can be sent again",
};

pub const RST_AFTER_FIN: Words = Words {
    sentence: "{sender} reset {receiver} after its own FIN: {maybe}it did not wait for {r} to finish.",
    check: "harmless if {r} had nothing more to say; otherwise {s}'s program: close() while {r} still sends, \
            SO_LINGER with zero timeout",
};

pub const RST_INSTEAD_OF_FIN: Words = Words {
    sentence: "{receiver} closed, and {sender} {maybe}answered with a reset where its FIN was due.",
    check: "harmless where no bytes were lost; otherwise {s}'s program: data left unread at close(), \
            SO_LINGER with zero timeout",
};

pub const CONNECT_THEN_RESET: Words = Words {
    sentence: "{sender} reset {receiver} right after the handshake, before any data\
               [{by-client}: {maybe}a health check or a connect scan][{by-server}: {maybe}it accepts only to refuse].",
    check: "[{by-client}harmless if {receiver-host} is being health-checked or scanned by intent; otherwise why {s}'s program \
            gives up at once][{by-server}the log of the service on port {sender-port}: a proxy without a backend, a limit \
            (sshd MaxStartups), an allow-list][{by-unknown}a health check or a scan if the opener sent it; \
            a proxy without a backend or a connection limit if the other side did]",
};

pub const LISTENER_CLOSED: Words = Words {
    sentence: "{sender} reset {receiver} before its program had taken the connection: {maybe}the listener was closed.",
    check: "did the service stop or restart at that moment? Take it out of rotation, accept what is queued, \
            then close the listener",
};

pub const KEEPALIVE_TIMEOUT: Words = Words {
    sentence: "{sender} gave {receiver} up: {maybe}its keepalive probes stayed unanswered.",
    check: "why {receiver-host} did not answer: host down, link down, or a firewall that forgot the idle connection; \
            the times are TCP_KEEPIDLE, TCP_KEEPINTVL and TCP_KEEPCNT (net.ipv4.tcp_keepalive_*)",
};

pub const USER_TIMEOUT: Words = Words {
    sentence: "{sender} gave {receiver} up: {maybe}its retransmissions stayed unanswered.",
    check: "why {receiver-host} did not answer: host down, link down, packets dropped on the way; \
            the time is set by TCP_USER_TIMEOUT or net.ipv4.tcp_retries2",
};

pub const ORPHAN_TIMEOUT: Words = Words {
    sentence: "{sender} had closed and {maybe}stopped waiting for {receiver} to finish.",
    check: "why {r} did not answer after the close; on Linux the limits are net.ipv4.tcp_orphan_retries, \
            net.ipv4.tcp_fin_timeout and net.ipv4.tcp_max_orphans",
};

pub const ZERO_WINDOW_ABORT: Words = Words {
    sentence: "{sender} gave {receiver} up: {maybe}{r} kept its receive window shut for too long.",
    check: "why {r}'s program stopped reading (blocked, stopped, overloaded): ss -tn on {receiver-host} shows a full Recv-Q",
};

pub const LINGER2: Words = Words {
    sentence: "{sender} closed and {maybe}refused to wait for {receiver} to close too (TCP_LINGER2).",
    check: "{s}'s program sets TCP_LINGER2 below zero; harmless if {r} had nothing more to send",
};

pub const MPTCP_FASTCLOSE: Words = Words {
    sentence: "{sender} {maybe}aborted the whole MPTCP connection with {receiver} (fast close, RFC 8684).",
    check: "the log of {s}'s program at that moment: a fast close is MPTCP's way to abort",
};

pub const MPTCP_SUBFLOW_RESET: Words = Words {
    sentence: "{sender} {maybe}reset one MPTCP subflow with {receiver}; the connection may live on over others.",
    check: "the reason the reset gives; ip mptcp limits show, ip mptcp endpoint show on both hosts",
};
