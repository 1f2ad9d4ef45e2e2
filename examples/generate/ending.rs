//! How connections end: what each side sends, and the verdict that the resets in it deserve.

/// Which side.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Client,
    Server,
}
use Side::{Client, Server};

/// Where the number of a SYN lies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Isn {
    /// Anywhere.
    New,
    /// Far below what the side has sent.
    Below,
    /// Just above what the side has sent.
    Above,
    /// Where that of the last SYN was.
    Same,
}

/// What a side sends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum What {
    Syn(Isn),
    SynAck,
    Ack,
    /// An ACK that is made without a socket, as from TIME-WAIT.
    BareAck,
    /// An ACK that shuts the window.
    Shut,
    Data,
    /// The last data once more.
    Again,
    /// A keepalive probe: one below the next number.
    Probe,
    Fin,
    /// The reset of a live socket: RST and ACK, with its numbers.
    Abort,
    /// The same from a third party, which stands elsewhere.
    Forgery,
    /// The reset that refuses a SYN.
    Refusal,
    /// The reset that answers a segment with ACK, where there is no socket for it.
    Answer,
}
use What::{Abort, Again, Answer, BareAck, Data, Fin, Forgery, Probe, Refusal, Shut, Syn, SynAck};

/// What passes before a move.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Pause {
    /// The segments of other connections, as they come.
    Turns,
    /// Microseconds, as for an answer of a kernel.
    None,
    Milliseconds(u16),
}

/// One segment of a connection.
#[derive(Clone, Copy)]
pub struct Move {
    pub from: Side,
    pub what: What,
    pub pause: Pause,
    /// Whether the other side goes on with the numbers that it shows.
    pub arrives: bool,
}

impl Move {
    pub const fn new(from: Side, what: What) -> Self {
        Self { from, what, pause: Pause::Turns, arrives: true }
    }

    /// Right after the last one.
    pub const fn at_once(self) -> Self {
        Self { pause: Pause::None, ..self }
    }

    /// After so many milliseconds.
    pub const fn after(self, milliseconds: u16) -> Self {
        Self { pause: Pause::Milliseconds(milliseconds), ..self }
    }

    /// Lost beyond the capture point, refused, or still under way.
    pub const fn unheard(self) -> Self {
        Self { arrives: false, ..self }
    }
}

const fn c(what: What) -> Move {
    Move::new(Client, what)
}

const fn s(what: What) -> Move {
    Move::new(Server, what)
}

const ACK: What = What::Ack;
const SYN: What = Syn(Isn::New);

/// What opens a connection.
pub const HANDSHAKE: &[Move] = &[c(SYN), s(SynAck).at_once(), c(ACK)];
/// What closes it in order.
pub const CLOSE: &[Move] = &[c(Fin), s(Fin), c(ACK)];

/// A reset and the verdicts that are right.
pub struct Truth {
    /// Class and cause as they are.
    pub cause: &'static str,
    /// What else the wire allows to say.
    pub also: &'static [&'static str],
}

const fn is(cause: &'static str) -> Truth {
    Truth { cause, also: &[] }
}

const fn or(cause: &'static str, also: &'static [&'static str]) -> Truth {
    Truth { cause, also }
}

/// How a connection ends.
pub struct Ending {
    /// Of the resets in `moves`, in their order.
    pub resets: &'static [Truth],
    /// Whether a handshake and an exchange of data come before `moves`.
    pub opens: bool,
    /// Whether the server listens on the port.
    pub listens: bool,
    /// Whether timestamps are in use as a rule. With them Linux would take a new SYN for newer, and recycle its TIME-WAIT.
    pub timestamps: bool,
    pub moves: &'static [Move],
}

impl Ending {
    /// After a handshake and some data.
    const fn of_open(resets: &'static [Truth], moves: &'static [Move]) -> Self {
        Self { resets, opens: true, listens: true, timestamps: true, moves }
    }

    const fn of_opening(resets: &'static [Truth], moves: &'static [Move]) -> Self {
        Self { opens: false, ..Self::of_open(resets, moves) }
    }

    const fn of_old(resets: &'static [Truth], moves: &'static [Move]) -> Self {
        Self { timestamps: false, ..Self::of_open(resets, moves) }
    }

    /// How many frames it takes without data.
    pub fn frames(&self) -> u64 {
        (self.moves.len() + if self.opens { HANDSHAKE.len() } else { 0 }) as u64
    }

    /// Whether it depends on nothing but the order of segments.
    pub fn is_timeless(&self) -> bool {
        self.opens && !self.moves.iter().any(|step| matches!(step.pause, Pause::Milliseconds(_)))
    }
}

/// In order.
pub static CLOSED: Ending = Ending::of_open(&[], CLOSE);
/// Not at all.
pub static OPEN: Ending = Ending::of_open(&[], &[]);

/// The endings with a reset.
pub static ABRUPT: [Ending; 24] = [
    Ending { listens: false, ..Ending::of_opening(&[is("closed-port/no-listener")], &[c(SYN), s(Refusal).at_once()]) },
    // A port that refuses a SYN out of TIME-WAIT just then looks as if its listener had gone.
    Ending::of_opening(
        &[or("closed-port/accept-queue-overflow", &["closed-port/listener-gone"])],
        &[c(SYN), s(SynAck).at_once(), c(ACK), s(Answer).at_once()],
    ),
    Ending::of_opening(
        &[is("abortive-close/connect-then-reset")],
        &[c(SYN), s(SynAck).at_once(), c(ACK), c(Abort).after(1)],
    ),
    // Whose host does so three times is taken for a scanner.
    Ending::of_opening(
        &[or("half-open-response/handshake-abandoned", &["half-open-response/syn-scan"])],
        &[c(SYN), s(SynAck).at_once(), c(Answer).at_once()],
    ),
    Ending::of_opening(
        &[is("half-open-response/stale-syn-ack")],
        &[c(SYN).unheard(), s(SynAck).at_once(), c(Answer).at_once()],
    ),
    Ending::of_opening(
        &[is("half-open-response/bad-handshake-ack")],
        &[c(SYN), s(SynAck).at_once().unheard(), c(ACK), s(Answer).at_once()],
    ),
    // The SYN is repeated at once, connects with new server numbers, and the connection closes in order.
    Ending::of_old(
        &[is("time-wait-collision/syn-reset-by-client")],
        &[
            s(Fin),
            c(Fin),
            s(ACK),
            c(Syn(Isn::Below)).unheard(),
            s(BareAck).at_once(),
            c(Answer).at_once(),
            c(Syn(Isn::Same)),
            s(SynAck).at_once(),
            c(ACK),
            c(Fin),
            s(Fin),
            c(ACK),
        ],
    ),
    Ending::of_old(
        &[is("time-wait-collision/syn-reset-by-server")],
        &[s(Fin), c(Fin), s(ACK), c(Syn(Isn::Above)), s(Refusal).at_once()],
    ),
    Ending::of_open(
        &[is("time-wait-collision/assassination")],
        &[c(Data), s(ACK), s(Fin), c(Fin), s(ACK), c(Again).after(300), s(BareAck).at_once(), c(Answer).at_once()],
    ),
    // When all that it sent was acknowledged and all that it received was answered.
    Ending::of_open(&[is("abortive-close/linger-zero")], &[c(Data), s(ACK), c(Abort)]),
    Ending::of_open(
        &[is("abortive-close/unread-data")],
        &[s(Data), c(ACK), c(Data), s(ACK).at_once(), s(Abort).at_once()],
    ),
    Ending::of_open(&[is("abortive-close/data-after-close")], &[s(Fin), c(ACK), c(Data), s(Answer).at_once()]),
    Ending::of_open(
        &[is("abortive-close/keepalive-race")],
        &[c(Data), s(Data), c(ACK), s(Fin).after(1500).unheard(), c(Data).after(5), s(Answer).at_once()],
    ),
    Ending::of_open(&[is("abortive-close/rst-after-fin")], &[s(Fin), c(ACK), s(Abort)]),
    Ending::of_open(
        &[is("abortive-close/rst-instead-of-fin")],
        &[c(Data), s(Data), c(ACK), c(Fin), s(Abort).at_once()],
    ),
    Ending::of_open(&[is("abortive-close/linger2")], &[s(Fin), c(ACK), s(Answer).at_once()]),
    Ending::of_open(
        &[is("abortive-close/zero-window-abort")],
        &[c(Data), s(Shut), c(Probe).after(200), s(Shut).at_once(), c(Abort).after(400)],
    ),
    Ending::of_open(
        &[is("abortive-close/keepalive-timeout")],
        &[
            c(Data),
            s(Data),
            c(ACK),
            s(Probe).after(1000).unheard(),
            s(Probe).after(1000).unheard(),
            s(Probe).after(1000).unheard(),
            s(Abort).after(1000),
        ],
    ),
    Ending::of_open(
        &[is("abortive-close/user-timeout")],
        &[
            c(Data),
            s(Data).unheard(),
            s(Again).after(200).unheard(),
            s(Again).after(400).unheard(),
            s(Again).after(800).unheard(),
            s(Abort).after(1600),
        ],
    ),
    // Two segments were in flight. Behind a bare handshake they would look like a full accept queue.
    Ending::of_open(
        &[is("half-open-response/lost-state"), is("half-open-response/echo-after-reset")],
        &[c(Data), s(ACK), c(Data).unheard(), c(Data).at_once().unheard(), s(Answer).at_once(), s(Answer).at_once()],
    ),
    Ending::of_old(
        &[is("half-open-response/syn-discovery")],
        &[c(Data), s(ACK), c(SYN).unheard(), s(ACK).at_once(), c(Answer).at_once()],
    ),
    Ending::of_open(
        &[is("half-open-response/late-segment")],
        &[c(Data), s(ACK), c(Fin), s(Fin), c(ACK), c(Again).after(300), s(Answer).at_once()],
    ),
    // The client does not believe it, and both go on.
    Ending::of_open(
        &[is("forged/injected")],
        &[
            c(Data),
            s(ACK),
            s(Forgery).after(10),
            s(Data).after(120),
            c(ACK),
            s(Data).after(120),
            c(ACK),
            c(Fin),
            s(Fin),
            c(ACK),
        ],
    ),
    // The client believes the firewall, and the server, which has not seen the data, talks on.
    Ending::of_open(
        &[is("forged/firewall-reject"), is("half-open-response/consequence")],
        &[s(Data), c(ACK), c(Data).unheard(), s(Answer).at_once(), s(Data).after(200), c(Answer).at_once()],
    ),
];
