//! Verdicts against the kernel's own word: which of them agree with a reason, what was seen, and the page that tells it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write as _};

use serde_json::{Value, json};

use crate::capture::{Recorded, Recording};
use crate::kernel::{Event, at_the_instant, join};
use crate::segment::Segment;
use crate::truth::{Label, Maker};

/// What a kernel's reason means on the wire.
struct Reason {
    /// Its name in the trace, an `sk_rst_reason`.
    name: &'static str,
    /// The kernel function that gives it, and when.
    given: &'static str,
    /// The classes that agree for each form of the reset, each with its causes (none: any of them).
    agrees: &'static [(Form, &'static [Class])],
}

/// A class and those of its causes that agree.
type Class = (&'static str, &'static [&'static str]);

/// The three forms in which Linux resets; of answers also whether the wire shows that their sender had ended the connection.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Form {
    /// RST|ACK with number 0.
    SynEcho,
    /// RST alone.
    AckEcho,
    /// RST alone, after a FIN or RST of its sender.
    AckEchoAfterEnd,
    /// RST|ACK with a number.
    Active,
}

impl Form {
    /// That of a reset, the last of these frames.
    fn of(frames: &[Recorded]) -> Option<Self> {
        let (last, before) = frames.split_last()?;
        let reset = &last.segment;
        let connection = before.iter().rev().map(|frame| &frame.segment).filter(|s| is_of_one(s, reset));
        let ended = connection.take_while(|s| !s.flags.syn()).any(|s| s.src == reset.src && is_end(s));
        Some(match (reset.flags.ack(), reset.seq.0) {
            (false, _) if ended => Self::AckEchoAfterEnd,
            (false, _) => Self::AckEcho,
            (true, 0) => Self::SynEcho,
            (true, _) => Self::Active,
        })
    }

    /// As `rstscan` spells it, and what came before.
    fn id(self) -> &'static str {
        match self {
            Self::SynEcho => "syn-echo",
            Self::AckEcho => "ack-echo",
            Self::AckEchoAfterEnd => "ack-echo after its FIN or RST",
            Self::Active => "active",
        }
    }
}

/// Whether two segments have the same ends.
fn is_of_one(one: &Segment, other: &Segment) -> bool {
    one.src == other.src && one.dst == other.dst || one.src == other.dst && one.dst == other.src
}

fn is_end(segment: &Segment) -> bool {
    segment.flags.fin() || segment.flags.rst()
}

/// Any cause of the class.
const ANY: &[&str] = &[];
const ABORTED: &[(Form, &[Class])] = &[(Form::Active, &[("abortive-close", ANY)])];
/// What an answer can be whose sender had ended the connection.
const ENDED: &[Class] = &[
    ("abortive-close", ANY),
    ("half-open-response", &["late-segment", "stray-ack", "consequence", "syn-scan", "handshake-abandoned"]),
    ("time-wait-collision", &["assassination"]),
];
/// What an answer in SYN-SENT can be, the first and those after it.
const IN_SYN_SENT: &[Class] = &[
    ("time-wait-collision", &["syn-reset-by-client"]),
    ("half-open-response", &["syn-discovery", "stale-syn-ack", "echo-after-reset", "consequence"]),
];
const REFUSED: &[Class] = &[("closed-port", ANY)];

/// Every reason that the laboratory provokes. Their names say where the kernel stood, not always why: see `given`.
const REASONS: &[Reason] = &[
    Reason {
        name: "NO_SOCKET",
        given: "`tcp_v4_rcv`: no socket takes the segment. Nothing listens, or the connection is gone: forgotten, closed, or reset before; \
                at a NAT, its mapping",
        agrees: &[
            (Form::SynEcho, REFUSED),
            (
                Form::AckEcho,
                &[
                    ("half-open-response", ANY),
                    ("time-wait-collision", &["syn-reset-by-client"]),
                    ("closed-port", &["listener-gone", "probe-answered"]),
                    ("forged", &["nat-state-lost"]),
                ],
            ),
            (Form::AckEchoAfterEnd, ENDED),
        ],
    },
    Reason {
        name: "TCP_FLAGS",
        given: "`tcp_rcv_state_process`: a listener got an ACK of no handshake, so the connection is as unknown as with NO_SOCKET",
        agrees: &[
            (
                Form::AckEcho,
                &[
                    ("half-open-response", ANY),
                    ("closed-port", &["accept-queue-overflow", "listener-gone", "probe-answered"]),
                ],
            ),
            (Form::AckEchoAfterEnd, ENDED),
        ],
    },
    Reason {
        name: "INVALID_SYN",
        given: "`tcp_check_req`: another SYN met a pending handshake, or (by that name too) the accept queue was full",
        agrees: &[
            (Form::SynEcho, &[("closed-port", &["syn-conflict"])]),
            (
                Form::AckEcho,
                &[("closed-port", &["accept-queue-overflow", "listener-gone"]), ("half-open-response", ANY)],
            ),
        ],
    },
    Reason {
        name: "TCP_INVALID_ACK_SEQUENCE",
        given: "`tcp_rcv_synsent_state_process`: SYN-SENT got an ACK of another number, from TIME-WAIT, a half-open peer, or of another time",
        agrees: &[(Form::AckEcho, IN_SYN_SENT), (Form::AckEchoAfterEnd, IN_SYN_SENT)],
    },
    Reason {
        name: "TCP_RFC7323_PAWS",
        given: "`tcp_rcv_synsent_state_process`: the SYN|ACK echoes a timestamp that was never sent",
        agrees: &[(Form::AckEcho, &[("half-open-response", &["paws-reject"])])],
    },
    Reason {
        name: "TCP_TOO_OLD_ACK",
        given: "`tcp_ack` in SYN-RECEIVED of a whole socket (simultaneous open, Fast Open)",
        agrees: &[(Form::AckEcho, &[("half-open-response", ANY)])],
    },
    Reason {
        name: "TCP_ACK_UNSENT_DATA",
        given: "`tcp_ack` in SYN-RECEIVED of a whole socket (simultaneous open, Fast Open)",
        agrees: &[(Form::AckEcho, &[("half-open-response", ANY)])],
    },
    Reason {
        name: "TCP_ABORT_ON_DATA",
        given: "`tcp_rcv_state_process`: data for a socket that was closed, or the end of FIN-WAIT-1 with TCP_LINGER2 below 0",
        agrees: &[(Form::AckEchoAfterEnd, &[("abortive-close", ANY)])],
    },
    Reason {
        name: "TCP_TIMEWAIT_SOCKET",
        given: "`tcp_timewait_state_process`: data or a SYN in FIN-WAIT-2; TIME-WAIT itself never resets",
        agrees: &[
            (Form::AckEchoAfterEnd, &[("abortive-close", ANY)]),
            (Form::SynEcho, &[("time-wait-collision", &["syn-reset-by-server"])]),
        ],
    },
    Reason {
        name: "TCP_ABORT_ON_CLOSE",
        given: "`__tcp_close`: closed, or its process killed, with data unread",
        agrees: ABORTED,
    },
    Reason {
        name: "TCP_ABORT_ON_LINGER",
        given: "`__tcp_close` in FIN-WAIT-2 with TCP_LINGER2 below 0",
        agrees: ABORTED,
    },
    Reason {
        name: "TCP_STATE",
        given: "`tcp_disconnect`, `tcp_abort`: SO_LINGER 0, connect(AF_UNSPEC), a listener closed before accept, `ss -K`",
        agrees: ABORTED,
    },
    Reason {
        name: "TCP_DISCONNECT_WITH_DATA",
        given: "`tcp_disconnect` with data unsent before its own FIN",
        agrees: ABORTED,
    },
    Reason {
        name: "TCP_KEEPALIVE_TIMEOUT",
        given: "`tcp_keepalive_timer`: probes stayed unanswered",
        agrees: &[(Form::Active, &[("abortive-close", &["keepalive-timeout", "user-timeout"])])],
    },
    Reason {
        name: "MPTCP_RST_EMPTCP",
        given: "`subflow_check_req`: an MP_JOIN of no known connection (an aborted MPTCP connection has the reasons of TCP)",
        agrees: &[(Form::SynEcho, &[("closed-port", ANY), ("abortive-close", &["mptcp-subflow-reset"])])],
    },
];

/// Reasons that no scenario provokes, and why.
const ABSENT: &[(&str, &str)] = &[
    ("TCP_ABORT_ON_MEMORY", "needs limits that hold for the whole machine (`tcp_max_orphans`, `tcp_mem`)"),
    ("TCP_OLD_ACK", "SYN-RECEIVED drops an ACK at the edge of what was sent without a reset"),
    (
        "MPTCP_RST_EUNSPEC, ERESOURCE, EPROHIBIT, EWQ2BIG, EBADPERF, EMIDDLEBOX",
        "need a second path that fails in a certain way",
    ),
    ("ERROR, NOT_SPECIFIED", "left for what has no name"),
];

/// How the verdicts of a test compare with the kernel.
#[derive(Debug, Default)]
pub struct Agreement {
    joined: u32,
    agree: u32,
    cannot_tell: u32,
    others: u32,
    certain_and_wrong: u32,
    /// What is wrong, a line each.
    pub wrong: Vec<String>,
    /// How often each verdict was given for each reason, state and form.
    rows: BTreeMap<Row, u32>,
}

/// Reason, state, form, class, cause, and whether only an alternative of the verdict agrees.
type Row = (String, String, Form, String, String, bool);

/// What the page says of the last.
const AGREES: [&str; 2] = ["yes", "an alternative does"];

impl Agreement {
    /// Compares the verdicts about one recording.
    pub fn compare(&mut self, name: &str, (recording, labels): (&Recording, &[Label]), ours: (&[Value], &[Event])) {
        let (verdicts, events) = ours;
        let mut free: Vec<&Event> = events.iter().collect();
        let (kernels, others): (Vec<_>, Vec<_>) = labels
            .iter()
            .map(|label| (label.frame, label.expected.maker))
            .partition(|(_, maker)| *maker == Maker::Kernel);
        let frames: Vec<u64> = kernels.iter().map(|(frame, _)| *frame).collect();
        for (frame, event) in frames.iter().zip(join(recording, &frames, &mut free)) {
            let until = &recording.frames[..*frame as usize];
            let reset = &until[until.len() - 1].segment;
            let verdict = verdicts.iter().find(|verdict| verdict["frame"] == *frame);
            let complaint = match (event, verdict, Form::of(until)) {
                (Some(event), Some(verdict), Some(form)) => self.judge(verdict, event, form),
                (None, ..) => Some(format!("no event of the kernel for {reset}")),
                _ => Some(format!("no verdict about {reset}")),
            };
            self.wrong.extend(complaint.map(|complaint| format!("{name}, frame {frame}: {complaint}")));
        }
        for (frame, _) in others {
            let reset = &recording.frames[frame as usize - 1];
            let event = at_the_instant(reset, &free);
            self.others += u32::from(event.is_none());
            self.wrong
                .extend(event.map(|event| format!("{name}, frame {frame}: {} has the event {event:?}", reset.segment)));
        }
    }

    /// What is wrong with a verdict, in the light of the event.
    fn judge(&mut self, verdict: &Value, event: &Event, form: Form) -> Option<String> {
        let word = |value: &Value, key: &str| value[key].as_str().unwrap_or_default().to_owned();
        let (class, cause) = (word(verdict, "class"), word(verdict, "cause"));
        let right = agrees(&event.reason, form, (&class, &cause));
        self.joined += 1;
        let row = (event.reason.clone(), event.state.clone(), form, class.clone(), cause.clone(), !right);
        *self.rows.entry(row).or_default() += 1;
        if right {
            self.agree += 1;
            return None;
        }
        let certain = verdict["certainty"] == "certain" && class != "undetermined";
        let mut alternatives = verdict["alternatives"].as_array().into_iter().flatten();
        let held =
            alternatives.any(|other| agrees(&event.reason, form, (&word(other, "class"), &word(other, "cause"))));
        if !certain && (held || class == "undetermined") {
            self.cannot_tell += 1;
            return None;
        }
        self.certain_and_wrong += u32::from(certain);
        let (reason, state, form) = (&event.reason, &event.state, form.id());
        Some(format!("said {class}/{cause} {}, the kernel {reason} in {state}, form {form}", verdict["certainty"]))
    }

    /// Says the counts on the real standard error.
    pub fn say(&self, test: &str) {
        // Written past the test harness, which would keep it to itself.
        let _ = writeln!(
            io::stderr(),
            "kernel: {test}: {} resets joined, {} agree, {} where the wire cannot tell (alternatives hold the truth), \
             {} certain and wrong; {} resets of others without event, as expected",
            self.joined,
            self.agree,
            self.cannot_tell,
            self.certain_and_wrong,
            self.others,
        );
    }

    /// The page `docs/kernel-reasons.md`.
    pub fn page(&self) -> String {
        let mut page = head();
        for ((reason, state, form, class, cause, by_alternative), count) in &self.rows {
            let (state, form) = (state.trim_start_matches("TCP_"), form.id());
            let agrees = AGREES[usize::from(*by_alternative)];
            let _ = writeln!(page, "| {reason} | {state} | {form} | {class} | {cause} | {agrees} | {count} |");
        }
        page
    }
}

/// Whether a verdict agrees with a reason of the kernel for a reset of this form.
fn agrees(reason: &str, form: Form, (class, cause): (&str, &str)) -> bool {
    let reason = REASONS.iter().find(|known| known.name == reason);
    let classes = reason.into_iter().flat_map(|reason| reason.agrees).filter(|(of, _)| *of == form);
    let fits = |(name, causes): &Class| *name == class && (causes.is_empty() || causes.contains(&cause));
    classes.flat_map(|(_, classes)| *classes).any(fits)
}

/// The page up to the rows that were counted.
fn head() -> String {
    let mut page = String::from(
        "# What the kernel calls it\n\n\
         Linux has a word for each reset it sends: the `reason` of its trace event `tcp:tcp_send_reset`, since 6.10.\n\
         The laboratory (`tests/lab/`) reads it beside the wire, joins each reset to its event by four-tuple and time, and compares the verdict.\n\
         The reason says where in the kernel the reset was made, which is often less than why: the table says which verdicts agree with it.\n\
         `UPDATE_EXPECT=1 cargo test --test lab every_scenario` writes this page anew.\n\n\
         ## Reasons and the verdicts that agree\n\n\
         | reason | given by | form | verdicts that agree |\n|---|---|---|---|\n",
    );
    for Reason { name, given, agrees } in REASONS {
        for (form, classes) in *agrees {
            let classes: Vec<_> = classes.iter().map(in_words).collect();
            let _ = writeln!(page, "| {name} | {given} | {} | {} |", form.id(), classes.join("; "));
        }
    }
    page.push_str("\n## Reasons that are not provoked\n\n| reason | why not |\n|---|---|\n");
    for (name, why) in ABSENT {
        let _ = writeln!(page, "| {name} | {why} |");
    }
    page.push_str(
        "\nResets of packet filters, of other stacks, and those written by hand have no event.\n\n\
         ## What was seen\n\n\
         Every scenario over IPv4 and IPv6; how many resets there are varies from run to run.\n\
         States are those when the reset was sent: a program's abort has left its state before.\n\n\
         | reason | state | form | class | cause | agrees | resets |\n|---|---|---|---|---|---|---|\n",
    );
    page
}

fn in_words((class, causes): &Class) -> String {
    if causes.is_empty() { (*class).to_owned() } else { format!("{class} ({})", causes.join(", ")) }
}

/// What is wrong with the page in the repository: its tables are those of this file, and each row it counted agrees.
pub fn faults_of(page: &str) -> Vec<String> {
    let Some(rows) = page.strip_prefix(&head()) else {
        return vec!["docs/kernel-reasons.md does not begin with the tables of tests/lab/agreement.rs".to_owned()];
    };
    let fault = |row: &str| {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [reason, _, form, class, cause, said, count] = cells[..] else {
            return Some(format!("not seven cells: {row}"));
        };
        let form = [Form::SynEcho, Form::AckEcho, Form::AckEchoAfterEnd, Form::Active]
            .into_iter()
            .find(|known| known.id() == form);
        let right = form.is_some_and(|form| agrees(reason, form, (class, cause)));
        let told = said == AGREES[usize::from(!right)];
        (!told || count.parse::<u32>().is_err()).then(|| format!("does not agree: {row}"))
    };
    rows.lines().filter_map(fault).collect()
}

#[test]
fn the_page_is_that_of_the_tables() {
    let page = std::fs::read_to_string(PAGE).expect("the page");
    assert_eq!(faults_of(&page), Vec::<String>::new());
    for reason in REASONS {
        let row = format!("\n| {} | ", reason.name);
        assert!(page[head().len() - 1..].contains(&row), "no reset with the reason {}", reason.name);
    }
}

#[test]
fn a_wrong_verdict_is_told_from_an_honest_doubt() {
    let nowhere = std::net::SocketAddr::from(([192, 0, 2, 1], 1));
    let (state, reason) = ("UNKNOWN".to_owned(), "NO_SOCKET".to_owned());
    let event = Event { time_ns: 0, src: nowhere, dst: nowhere, state, reason, answers: true };
    let verdict = |class: &str, certainty: &str, alternative: &str| {
        let alternatives = [json!({"class": alternative, "cause": "no-listener"})];
        json!({"class": class, "cause": "abort", "certainty": certainty, "alternatives": alternatives})
    };
    let mut agreement = Agreement::default();
    let mut judge = |verdict: Value| agreement.judge(&verdict, &event, Form::SynEcho).is_some();
    assert!(!judge(verdict("closed-port", "certain", "forged")));
    assert!(!judge(verdict("abortive-close", "likely", "closed-port")), "an alternative holds the truth");
    assert!(judge(verdict("abortive-close", "likely", "forged")), "nothing holds it");
    assert!(judge(verdict("abortive-close", "certain", "closed-port")), "certain and wrong");
    let Agreement { joined, agree, cannot_tell, certain_and_wrong, .. } = agreement;
    assert_eq!((joined, agree, cannot_tell, certain_and_wrong), (4, 1, 1, 1));
}

/// The page in the repository.
pub const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/kernel-reasons.md");
