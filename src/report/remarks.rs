//! What to write beside the frames of a finding, for readers of the capture in another program.

use super::words::{self, Speaker};
use super::{Context, amount};
use crate::analyzer::Finding;
use crate::frame::FrameNo;

/// What a finding says, in one sentence.
pub fn sentence(context: &Context, finding: &Finding) -> String {
    Speaker::new(context, finding).sentence()
}

/// Comments on a finding's frames: why on the RST, and what they have to do with it on the segment that provoked it and on
/// the first of the handshake.
///
/// Numbers of frames are those of what was read, which the comment on the RST names.
pub fn remarks(context: &Context, finding: &Finding) -> Vec<(FrameNo, String)> {
    let speaker = Speaker::new(context, finding);
    let (reset, verdict) = (&finding.reset, &finding.verdict);
    let id = format!("{}/{} ({})", verdict.class, verdict.cause, verdict.certainty);
    let mut remarks = vec![(reset.frame, on_reset(context, (&speaker, finding), &id))];
    let trigger = verdict.trigger.map(|trigger| trigger.frame);
    if let Some(trigger) = verdict.trigger {
        let after = match trigger.after_ns {
            0.. => format!(" after {}", amount::duration(trigger.after_ns)),
            _ => String::new(),
        };
        remarks.push((trigger.frame, format!("rstscan: drew the reset {}{after}: {id}", reset.frame)));
    }
    let opening = finding.segments.iter().find(|segment| segment.flags.syn()).map(|segment| segment.frame);
    if let Some(opening) = opening.filter(|frame| Some(*frame) != trigger && *frame != reset.frame) {
        remarks.push((opening, format!("rstscan: handshake of the connection reset by {}: {id}", reset.frame)));
    }
    remarks
}

fn on_reset(context: &Context, (speaker, finding): (&Speaker<'_>, &Finding), id: &str) -> String {
    let mut text = format!("rstscan: {id}: {}", speaker.sentence());
    if let Some(follows) = speaker.follow_up() {
        text.push_str(&format!(" ({follows})"));
    } else if let Some(fact) = finding.verdict.evidence.first() {
        text.push_str(&format!(" Because: {}.", speaker.fact(fact)));
    }
    let (frame, stream) = (finding.reset.frame, finding.connection.stream);
    let place = words::input(context, frame).map(|name| format!(" of {}", words::visible(name))).unwrap_or_default();
    text.push_str(&format!(" This is {frame}{place}, tcp.stream eq {stream}."));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::fixtures;

    #[test]
    fn the_reset_its_trigger_and_the_handshake_have_a_comment_each() {
        let context = Context { inputs: vec!["a\x1b.pcap".to_owned()], ..Context::default() };
        for finding in [fixtures::half_open(), fixtures::closed_port(), fixtures::unread_data()] {
            let remarks = remarks(&context, &finding);
            let mut frames: Vec<FrameNo> = remarks.iter().map(|(frame, _)| *frame).collect();
            assert_eq!(frames[0], finding.reset.frame);
            let place =
                format!("This is {} of a\\u{{1b}}.pcap, tcp.stream eq {}.", frames[0], finding.connection.stream);
            assert!(remarks[0].1.ends_with(&place), "{remarks:#?}");
            assert!(
                remarks
                    .iter()
                    .all(|(_, text)| text.starts_with("rstscan: ") && text.contains(finding.verdict.cause.id()))
            );
            let trigger = finding.verdict.trigger.map(|trigger| trigger.frame);
            assert_eq!(trigger.is_some_and(|frame| frames.contains(&frame)), trigger.is_some());
            frames.dedup();
            assert_eq!(frames.len(), remarks.len());
        }
    }

    #[test]
    fn what_follows_from_another_reset_says_so() {
        let [_, second] = fixtures::follow_ups();
        let text = &remarks(&Context::default(), &second)[0].1;
        assert!(text.contains(" (follows from #") || text.contains(" (the same reset as #"), "{text}");
    }
}
