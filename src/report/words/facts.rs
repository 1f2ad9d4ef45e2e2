//! What each fact says.

use crate::classify::FactKind;
use crate::classify::FactKind as F;

/// The words of a fact, with gaps.
pub fn words(kind: FactKind) -> &'static str {
    WORDS.get(kind as usize).map_or("", |(_, words)| words)
}

/// One row for each kind, in the order of [`FactKind::ALL`].
const WORDS: &[(FactKind, &str)] = &[
    (F::SeqEqualsAckOf, "bare RST whose seq is the ack[ of {frame}]: an answer made from that segment"),
    (F::AcksEndOf, "RST|ACK with seq 0 that acknowledges the end[ of {frame}]: the answer to a segment without ACK"),
    (F::FullEcho, "RST|ACK with both numbers[ of {frame}], as some small stacks answer whatever they do not know"),
    (F::NoSocketMarks, "window 0, no options: made without a live socket"),
    (F::LiveSocketMarks, "window, options or IP ID are those of a live socket"),
    (F::SeqIsNext, "its seq is the next one {s} would send"),
    (F::SeqBelowNext, "its seq is below the next one {s} would send[, by {n}]"),
    (F::SeqAboveNext, "its seq is above anything {s} has shown[, by {n}]"),
    (F::AckIsNext, "its ack covers all that {r} had sent"),
    (F::TimestampsAbsent, "it carries no timestamps, though the connection uses them"),
    (F::NextIpId, "its IP ID continues {s}'s counter"),
    (F::ForeignIpId, "its IP ID fits nothing {s} has used"),
    (F::TtlAsUsual, "its TTL is {s}'s usual one"),
    (F::TtlDiffers, "its TTL differs from {s}'s usual one[ by {n}]"),
    (F::TosNotCopied, "it does not copy the type of service of the SYN[ {frame}], as Linux would"),
    (F::FlowLabelZero, "its IPv6 flow label is 0"),
    (F::FasterThanPath, "it came sooner than {s}'s round trip allows[, after {time}]"),
    (F::NoSynAckFromSender, "{s} never sent a SYN|ACK on this connection"),
    (F::SynAckFromSender, "{s} had sent a SYN|ACK[ ({frame})]"),
    (F::SynAckFromPeer, "{r} had sent a SYN|ACK[ ({frame})]"),
    (F::HandshakeComplete, "the handshake was complete[ ({frame})]"),
    (F::OtherPortAccepts, "the same host accepts connections on another port[: {n}][ ({frame})]"),
    (F::SamePortAccepts, "the same port accepted a connection at another time[ ({frame})]"),
    (F::SamePortRefuses, "the same port refused others too[: {n}]"),
    (F::SynRetried, "the SYN was sent again[ ({frame})]"),
    (F::RetryAccepted, "the repeated SYN was accepted[ ({frame})]"),
    (F::RetryUnanswered, "the repeated SYN[ {frame}] stayed unanswered"),
    (F::EcnSyn, "the SYN[ {frame}] asked for ECN"),
    (F::CraftedSyn, "the SYN[ {frame}] has a header that no operating system sends"),
    (F::FanOut, "one source tried many ports or hosts[: {n}]"),
    (F::Probe, "a probe that no stack sends in this state[ ({frame})]"),
    (F::WrongHandshakeAck, "the last ACK of the handshake[, {frame},] does not fit the SYN|ACK"),
    (F::WrongSynAckNumber, "the SYN|ACK[ {frame}] does not acknowledge the SYN"),
    (F::WrongTimestampEcho, "the SYN|ACK[ {frame}] echoes a timestamp that was never sent"),
    (F::OtherPendingSyn, "a SYN with another sequence number was pending[ ({frame})]"),
    (F::OldAckToSyn, "the SYN was answered by an ACK with numbers of an older connection[ ({frame})]"),
    (F::OldAckIdZero, "that ACK[, {frame},] has IP ID 0, as from TIME-WAIT on Linux"),
    (F::OldAckIdRunning, "the IP ID of that ACK[, {frame},] runs on, as from a live socket"),
    (
        F::PreviousClosed,
        "the previous connection was closed[ {time} before][ ({frame})], first by the side that kept it",
    ),
    (F::PreviousOpen, "the previous connection on these ports was never closed"),
    (F::SynInOldWindow, "the SYN's number lies in the previous connection's window"),
    (F::BothClosed, "both sides had closed"),
    (F::FinFromSender, "{s} had sent its FIN[ ({frame})]"),
    (F::NoFinFromSender, "{s} sent neither FIN nor RST before it"),
    (F::FinFromPeer, "{r} had sent its FIN[ ({frame})]"),
    (F::NoGapInSender, "nothing is missing from {s}'s sequence numbers"),
    (F::GapInSender, "something is missing from {s}'s sequence numbers"),
    (F::DataAfterFin, "[{frame} carries ]data beyond the close[: {bytes}]"),
    (F::LateCopy, "the data[ of {frame}] had been acknowledged before: a late copy"),
    (F::PureAckOfFin, "what it answers[, {frame},] is a pure ACK of the FIN"),
    (F::Idle, "the connection had been idle[ for {time}]"),
    (F::UnansweredData, "{r}'s last bytes were acknowledged and never answered[: {bytes}]"),
    (F::WindowJump, "its window is larger than that of {s}'s last ACK[, by {n}]: the receive queue was thrown away"),
    (F::WindowShort, "its window is[ {bytes}] below its maximum, as with data unread"),
    (F::NothingUnread, "nothing was left unread"),
    (F::OwnDataInFlight, "{s}'s own last bytes were not yet acknowledged[: {bytes}]"),
    (F::PeerDataInFlight, "data of {r} was still in flight"),
    (F::NoData, "no data was exchanged"),
    (F::ProbesUnanswered, "keepalive probes stayed unanswered[: {n}]"),
    (F::RetransmissionsUnanswered, "retransmissions stayed unanswered[: {n}]"),
    (F::KeepaliveProbe, "what it answers[, {frame},] is a keepalive probe"),
    (F::PeerWindowShut, "{r} kept its window shut"),
    (F::SameInstant, "other connections of the port were reset at the same instant[: {n}]"),
    (F::MptcpOption, "an MPTCP option names the reason[ (subtype {n})]"),
    (F::Payload, "it carries data of its own[, {bytes}]"),
    (F::EarlierReset, "{s} had sent a RST before[ ({frame})]"),
    (F::KilledBy, "a RST of {r}[, {frame},] had ended {s}'s connection before"),
    (F::SameReset, "the same RST was captured before[ ({frame})]"),
    (F::SenderContinues, "{s} went on after it[ ({frame})], as if it had sent none"),
    (F::SenderNeverSawTrigger, "{s}'s later segment[ {frame}] shows that it never saw what the RST answers"),
    (F::SynAckAfterReset, "{s}'s own SYN|ACK came after it[ ({frame})]"),
    (F::PeerContinues, "{r} went on as if nothing had come[ ({frame})]"),
    (F::ChallengeAck, "{r} answered it with a challenge ACK[ ({frame})], RFC 5961"),
    (F::Burst, "RSTs with differing numbers came at one instant[: {n}]"),
    (F::MirroredReset, "a RST in the other direction came at the same instant[ ({frame})]"),
    (F::WindowCopied, "it repeats the window of what it answers[ ({frame})]"),
    (F::UnknownForm, "no known stack makes a RST of this form"),
    (F::OutOfWindow, "its numbers lie in no window of this connection"),
    (F::OneDirection, "the capture shows one direction only"),
    (F::NothingBefore, "the capture shows nothing of the connection before it"),
    (F::NoHandshake, "the handshake is not in the capture"),
    (F::BadChecksum, "its TCP checksum is wrong, so {r} dropped it if it arrived like that"),
    (F::BadIpChecksum, "the checksum of its IP header is wrong, so it was dropped if it went on like that"),
    (F::IcmpRefused, "ICMP refused a segment[ of {whose}][: {icmp}][ ({frame})]"),
    (F::IcmpUnreachable, "ICMP says that a segment[ of {whose}] could not be delivered[: {icmp}][ ({frame})]"),
    (
        F::IcmpTooBig,
        "ICMP[ from {icmp-from}] says that a segment[ of {whose}] is too big[ for an MTU of {n}][ ({frame})], \
         and it was never acknowledged",
    ),
    (F::IcmpTimeExceeded, "ICMP[ from {icmp-from}] says that a segment[ of {whose}] ran out of hops[ ({frame})]"),
    (F::IcmpParameterProblem, "ICMP[ from {icmp-from}] rejects the IP header of a segment[ of {whose}][ ({frame})]"),
    (F::IcmpSourceQuench, "ICMP[ from {icmp-from}] asks[ {whose}] for less traffic[ ({frame})]"),
    (F::ResetUndelivered, "ICMP says that it could not be delivered[: {icmp}][ ({frame})]"),
    (F::AbsentAtPoint, "it is not in the capture on {s}'s side[, which goes on with {frame}]"),
    (F::SeenAtPoint, "another point captured the same RST[: {frame}]"),
    (F::NotArrivedAtPoint, "it is not in the capture on {r}'s side[, which goes on with {frame}]"),
    (
        F::RewrittenOnTheWay,
        "[{frame} is ]the same reset with other numbers or from another place: rewritten on the way",
    ),
    (F::TriggerSeenAtPoint, "what it answers had reached {s}'s side[: {frame}]"),
    (F::TriggerAbsentAtPoint, "what it answers[, {frame},] never reached {s}'s side"),
    (F::TriggerNeverSent, "what it answers[, {frame},] was never sent by {r}'s side"),
];

/// A kind without its row here, or a row in the wrong place, does not compile.
const _: () = {
    assert!(WORDS.len() == FactKind::ALL.len());
    let mut row = 0;
    while row < WORDS.len() {
        assert!(WORDS[row].0 as usize == row);
        row += 1;
    }
};
