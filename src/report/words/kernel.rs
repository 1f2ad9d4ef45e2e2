//! What the kernel of this host says of a reset, in words.

use super::{Speaker, visible};
use crate::classify::{Accepted, KernelWord, Origin, Process, Sent};

impl Speaker<'_> {
    /// What the kernel says, a line for each thing it says.
    pub fn kernel(&self) -> Vec<String> {
        let Some(word) = self.finding.kernel.as_deref() else { return Vec::new() };
        let lines = [word.sent.as_ref().map(sent), word.accepted.map(accepted), overruled(word)];
        lines.into_iter().flatten().collect()
    }
}

fn sent(sent: &Sent) -> String {
    match sent {
        Sent::ByTcp(origin) => origin_line(origin),
        Sent::NotByTcp => {
            "no event: this host's TCP did not send it; a rule of the local firewall did (nft list ruleset), \
                           or a program that makes segments of its own"
                .to_owned()
        }
        Sent::EventsLost => "events were lost at that time: nothing is known of this one".to_owned(),
    }
}

fn origin_line(origin: &Origin) -> String {
    let state = origin.state.as_ref().map_or_else(|| "no socket".to_owned(), |state| format!("socket in {state}"));
    let reason = &origin.reason;
    let meaning = meaning(reason).map(|words| format!("{words} ")).unwrap_or_default();
    let by = origin.process.as_ref().map(|process| format!(", by {}", process_words(process))).unwrap_or_default();
    let hedge = if origin.by_both_ends { "" } else { "; found by one end and the instant" };
    format!("{meaning}({reason}, {state}){by}{hedge}")
}

fn process_words(process: &Process) -> String {
    let container = process.container.as_ref().map(|id| format!(" in container {}", visible(id))).unwrap_or_default();
    format!("{} (pid {}){container}", visible(&process.command), process.pid)
}

/// What an `sk_rst_reason` of Linux means; those whose name says all have none.
fn meaning(reason: &str) -> Option<&'static str> {
    Some(match reason {
        "NO_SOCKET" => "no socket here takes the segment: nothing listens, or the connection is gone",
        "TCP_FLAGS" => "a listener got a segment of no handshake it knows",
        "INVALID_SYN" => "another SYN met a pending handshake, or the accept queue was full",
        "TCP_INVALID_ACK_SEQUENCE" => "a connect() got an answer that acknowledges something else",
        "TCP_RFC7323_PAWS" => "a connect() got an answer with a timestamp it never sent",
        "TCP_TOO_OLD_ACK" | "TCP_OLD_ACK" | "TCP_ACK_UNSENT_DATA" => "the handshake was ended with a wrong number",
        "TCP_ABORT_ON_DATA" => "data came for a socket that had been closed",
        "TCP_TIMEWAIT_SOCKET" => "data came for a socket that had been closed, in FIN-WAIT-2",
        "TCP_ABORT_ON_CLOSE" => "closed, or its process killed, with received data unread",
        "TCP_ABORT_ON_LINGER" => "closed with TCP_LINGER2 below 0",
        "TCP_ABORT_ON_MEMORY" => "too many sockets without a process, or no memory for TCP (tcp_max_orphans, tcp_mem)",
        "TCP_STATE" => "aborted: SO_LINGER 0, connect(AF_UNSPEC), a listener closed before accept(), or ss -K",
        "TCP_DISCONNECT_WITH_DATA" => "disconnected with data still to send",
        "TCP_KEEPALIVE_TIMEOUT" => "keepalive probes stayed unanswered, or the user timeout was over",
        "MPTCP_RST_EUNSPEC" => "MPTCP ended the subflow",
        "MPTCP_RST_EMPTCP" => "a subflow wanted to join an MPTCP connection that is not known",
        "MPTCP_RST_ERESOURCE" => "MPTCP lacks resources for the subflow",
        "MPTCP_RST_EPROHIBIT" => "MPTCP does not allow the subflow",
        "MPTCP_RST_EWQ2BIG" => "MPTCP: too much was outstanding",
        "MPTCP_RST_EBADPERF" => "MPTCP: the subflow performed too badly",
        "MPTCP_RST_EMIDDLEBOX" => "MPTCP: a device on the way interfered",
        _ => return None,
    })
}

fn accepted(accepted: Accepted) -> String {
    match accepted {
        Accepted::Yes => "this host accepted it: a connection ended with it",
        Accepted::NoEvent => "no connection of this host ended with it (of TIME-WAIT and of handshakes at a listener the kernel says nothing)",
        Accepted::EventsLost => "events were lost at that time: whether this host accepted it is not known",
    }
    .to_owned()
}

fn overruled(word: &KernelWord) -> Option<String> {
    let (class, cause, certainty) = word.overruled?;
    Some(format!("the segments alone would say {class}/{cause} {certainty}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Context, fixtures};

    fn said(word: KernelWord) -> Vec<String> {
        let mut finding = fixtures::half_open();
        finding.kernel = Some(Box::new(word));
        Speaker::new(&Context::default(), &finding).kernel()
    }

    #[test]
    fn a_process_is_named_with_its_container_and_nothing_unseen() {
        let process = Process { pid: 7, command: "ng\u{1b}inx".to_owned(), container: Some("0123456789ab".to_owned()) };
        let origin = Origin {
            reason: "TCP_ABORT_ON_CLOSE".to_owned(),
            state: Some("CLOSE".to_owned()),
            process: Some(process),
            by_both_ends: true,
        };
        let word = KernelWord { sent: Some(Sent::ByTcp(origin)), ..KernelWord::default() };
        assert_eq!(
            said(word),
            ["closed, or its process killed, with received data unread (TCP_ABORT_ON_CLOSE, socket in CLOSE), \
              by ng\\u{1b}inx (pid 7) in container 0123456789ab"]
        );
    }

    #[test]
    fn a_reason_that_is_not_known_is_told_as_it_is() {
        let origin = Origin { reason: "NEW_ONE".to_owned(), state: None, process: None, by_both_ends: false };
        let word = KernelWord { sent: Some(Sent::ByTcp(origin)), ..KernelWord::default() };
        assert_eq!(said(word), ["(NEW_ONE, no socket); found by one end and the instant"]);
    }

    #[test]
    fn what_the_segments_would_say_is_told_beside_it() {
        use crate::classify::{Cause, Certainty, Class};
        let overruled = Some((Class::Forged, Cause::Injected, Certainty::Likely));
        let said = said(KernelWord { sent: Some(Sent::NotByTcp), accepted: Some(Accepted::NoEvent), overruled });
        assert_eq!(said.len(), 3);
        assert_eq!(said[2], "the segments alone would say forged/injected likely");
    }
}
