//! The output for people: a block a reset, its summary at the end.
//!
//! A block says first what happened, then shows the segments that prove it, then why, what it cost, and what to check.

mod alike;
mod closing;
mod explain;
mod folding;
mod groups;
mod ladder;
mod page;
mod patterns;
mod rate;
mod rows;
mod segments;

use std::io::{self, Write};

pub use closing::remarks;
pub use explain::explain;
use folding::{Folding, Look, Note};
pub use ladder::ladder;
use page::{Listed, Page, UNBREAKABLE};

use super::amount;
use super::palette::{Ink, Palette};
use super::time::Stamper;
use super::words::{self, Speaker};
use super::{Context, Finished, Sink, Style};
use crate::analyzer::Finding;
use crate::frame::FrameNo;
use crate::pattern::benign;

/// Writes text for people.
pub struct Text {
    style: Style,
    palette: Palette,
    stamper: Stamper,
    out: Box<dyn Write>,
    above: Above,
    folding: Folding,
    /// The input whose name was written last.
    input: Option<u16>,
}

/// What was written last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Above {
    Nothing,
    InputName,
    Block,
    Lines,
}

impl Text {
    /// In this style, to `out`.
    pub fn new(style: Style, out: Box<dyn Write>) -> Self {
        let palette = Palette::new(style.color);
        let stamper = Stamper::new(&style);
        let folding = Folding::new(&style);
        Self { style, palette, stamper, out, above: Above::Nothing, folding, input: None }
    }

    fn page(&self) -> Page {
        Page::new(self.palette, self.style.width)
    }

    /// On a terminal, an empty line between the blocks here and what standard error says before and after them.
    fn space(&mut self) -> io::Result<()> {
        let is_wanted = self.style.width.is_some() && self.style.quiet == 0;
        if is_wanted { self.out.write_all(b"\n") } else { Ok(()) }
    }

    /// The name of a frame's input, where it is another than before.
    fn input_name(&mut self, page: &mut Page, (context, frame): (&Context, FrameNo)) {
        let input = frame.input();
        if context.inputs.len() < 2 || self.input == Some(input) {
            return;
        }
        if self.above != Above::Nothing {
            page.blank();
        }
        if let Some(name) = words::input(context, frame) {
            page.paragraph(0, Ink::Strong, &words::visible(name));
        }
        if self.style.quiet == 0 {
            page.blank();
        }
        self.above = Above::InputName;
        self.input = Some(input);
    }

    /// Says that resets of a pattern are only counted, where that begins.
    fn pattern(&mut self, context: &Context, finding: &Finding) -> io::Result<()> {
        let Some(begun) = context.patterns.begun() else { return Ok(()) };
        let mut page = self.apart();
        patterns::note(&mut page, (context, finding.reset.frame), (&begun, &self.style));
        self.write(page, context)
    }

    /// Says that some resets are only counted; with `-q` the summary does.
    fn note(&mut self, context: &Context, note: Note) -> io::Result<()> {
        if self.style.quiet > 0 {
            return Ok(());
        }
        let mut page = self.apart();
        alike::note(&mut page, (context, &self.style), note);
        self.write(page, context)
    }

    /// A page that begins under what was written last.
    fn apart(&mut self) -> Page {
        let mut page = self.page();
        if self.above == Above::Block {
            page.blank();
        }
        self.above = Above::Lines;
        page
    }

    /// A line for a reset that is like another one.
    fn alike(&mut self, page: &mut Page, (context, finding): (&Context, &Finding), like: FrameNo) {
        let speaker = Speaker::new(context, finding);
        if self.style.quiet > 0 {
            return self.line(page, (&speaker, finding));
        }
        if self.above == Above::Block {
            page.blank();
        }
        let like = alike::like(context, like, finding.reset.frame);
        alike::line(page, (&speaker, finding), &like, &mut self.stamper);
        self.above = Above::Lines;
    }

    /// What is written on a page, in letters only where nothing else can be shown.
    fn spelled(&self, page: Page) -> String {
        let text = page.into_text();
        if self.style.ascii { text.replace('·', "-") } else { text }
    }

    fn write(&mut self, page: Page, context: &Context) -> io::Result<()> {
        self.out.write_all(self.spelled(page).as_bytes())?;
        if context.live { self.out.flush() } else { Ok(()) }
    }

    /// One line: who, whom, why, how sure, and what drew it.
    fn line(&mut self, page: &mut Page, (speaker, finding): (&Speaker<'_>, &Finding)) {
        let (reset, verdict) = (&finding.reset, &finding.verdict);
        let stamp = self.stamper.stamp(reset.time);
        let separator = if stamp.is_empty() { "" } else { " " };
        let context = match (verdict.follows, verdict.trigger) {
            (Some(earlier), _) => format!(" (follows from {})", speaker.frame(earlier)),
            (None, Some(trigger)) => {
                format!(" (answers {} after {})", speaker.frame(trigger.frame), amount::duration(trigger.after_ns))
            }
            (None, None) => String::new(),
        };
        let (class, cause, certainty) = (verdict.class, verdict.cause, verdict.certainty);
        let harm = if benign(finding) == Some(true) { " benign" } else { "" };
        let says: String = speaker.says().iter().map(|words| format!(" says {words}")).collect();
        let names = speaker.context().names.sentence(finding).map(|names| format!(" [{names}]")).unwrap_or_default();
        let passage = speaker.passage_id().map_or(String::new(), |passage| format!(" {passage}"));
        let verdict = format!("{class}/{cause} {certainty}{harm}{passage}");
        let body = format!("{stamp}{separator}{} {verdict}{context}{says}{names}", reset.tuple);
        page.listing(&[Listed { lead: format!("{} ", reset.frame), body, note: None, ink: Ink::Accent(class) }]);
        self.above = Above::Lines;
    }

    /// Two lines for a reset that is no event of its own.
    fn follow_up(&mut self, page: &mut Page, (speaker, finding, said): (&Speaker<'_>, &Finding, &str)) {
        if self.above == Above::Block {
            page.blank();
        }
        let (verdict, stream) = (&finding.verdict, finding.connection.stream);
        let mut row = segments::reset_row(finding, speaker, (&self.style, &mut self.stamper));
        row.note = None;
        let indent = page::columns(&row.lead);
        page.listing(&[row]);
        page.listing(&segments::comment(speaker, finding.reset.frame, indent));
        let (cause, certainty) = (verdict.cause, verdict.certainty);
        page.paragraph(
            indent,
            Ink::Plain,
            &format!("{said} ({cause} · {certainty}, tcp.stream{UNBREAKABLE}eq{UNBREAKABLE}{stream})"),
        );
        self.above = Above::Lines;
    }

    /// The whole block.
    fn block(&mut self, page: &mut Page, (speaker, finding): (&Speaker<'_>, &Finding)) {
        if matches!(self.above, Above::Block | Above::Lines) {
            page.blank();
        }
        let verdict = &finding.verdict;
        let title = words::class(verdict.class).to_uppercase();
        let harm = if benign(finding) == Some(true) { " · benign" } else { "" };
        let subtitle = format!("{} · {}{harm}", verdict.cause, speaker.certainty());
        let right = format!("tcp.stream eq {}", finding.connection.stream);
        page.heading((Ink::Title(verdict.class), &title), &subtitle, &right);
        page.paragraph(2, Ink::Strong, &speaker.reason());
        if let Some(passage) = speaker.passage() {
            page.paragraph(2, Ink::Strong, &passage);
        }
        if let Some(names) = speaker.context().names.sentence(finding) {
            page.paragraph(2, Ink::Plain, &names);
        }
        page.blank();
        if self.style.ladder {
            ladder::draw(page, (speaker, finding), (&self.style, &mut self.stamper));
        } else {
            page.listing(&segments::rows(finding, speaker, (&self.style, &mut self.stamper)));
        }
        page.blank();
        self.reasons(page, (speaker, finding));
        self.above = Above::Block;
    }

    /// What the sender says, the evidence, what else it could be, what is missing, what it did, what to check.
    fn reasons(&self, page: &mut Page, (speaker, finding): (&Speaker<'_>, &Finding)) {
        let (reset, verdict) = (&finding.reset, &finding.verdict);
        page.labelled("says", &speaker.says());
        page.labelled("protocol", &speaker.heard());
        if self.style.link_header && !reset.layers.is_empty() {
            page.labelled("link", &[words::layers(reset).join(", inside it ")]);
        }
        if self.style.verbose > 1 {
            page.labelled("form", &[speaker.form()]);
        }
        page.labelled("kernel", &speaker.kernel());
        let because: Vec<String> = verdict.evidence.iter().map(|fact| speaker.fact(fact)).collect();
        page.labelled("because", &because);
        page.labelled("points", &speaker.points());
        if self.style.verbose > 0 {
            let named = verdict.against.iter().map(|(class, fact)| format!("{class}: {}", speaker.fact(fact)));
            let against = if self.style.verbose > 1 { speaker.against_each() } else { named.collect() };
            page.labelled("against", &against);
            page.labelled("state", &states(finding));
        }
        let instead: Vec<String> = verdict.alternatives.iter().map(|other| speaker.alternative(other)).collect();
        page.labelled("instead", &instead);
        let missing: Vec<&str> = verdict.missing.iter().map(|missing| missing.words()).collect();
        if !missing.is_empty() {
            page.labelled("missing", &[missing.join("; ")]);
        }
        if self.style.verbose > 1 {
            page.labelled("capture", &speaker.further());
        }
        page.labelled("effect", &[speaker.effect()]);
        page.labelled("check", &[speaker.check()]);
    }
}

/// The states inferred for both ends, where the capture shows enough.
fn states(finding: &Finding) -> Vec<String> {
    let state = &finding.verdict.state;
    let sides = [("client", state.client), ("server", state.server)];
    let known: Vec<String> =
        sides.iter().filter_map(|(side, state)| state.map(|state| format!("{side} {state}"))).collect();
    if known.is_empty() { Vec::new() } else { vec![format!("before it: {}", known.join(", "))] }
}

impl Sink for Text {
    fn begin(&mut self, _: &Context) -> io::Result<()> {
        self.space()
    }

    fn finding(&mut self, context: &Context, finding: &Finding) -> io::Result<()> {
        let look = self.folding.look(context, finding);
        match look {
            Look::Pattern => return self.pattern(context, finding),
            Look::Folded(note) => return note.map_or(Ok(()), |note| self.note(context, note)),
            Look::Whole | Look::Line(_) => {}
        }
        let mut page = self.page();
        self.input_name(&mut page, (context, finding.reset.frame));
        if let Look::Line(like) = look {
            self.alike(&mut page, (context, finding), like);
            return self.write(page, context);
        }
        let speaker = Speaker::new(context, finding);
        match speaker.follow_up() {
            _ if self.style.quiet > 0 => self.line(&mut page, (&speaker, finding)),
            Some(said) if self.style.verbose == 0 => self.follow_up(&mut page, (&speaker, finding, &said)),
            _ => self.block(&mut page, (&speaker, finding)),
        }
        self.write(page, context)
    }

    fn finish(&mut self, context: &Context, finished: &Finished<'_>) -> io::Result<()> {
        if self.style.quiet < 2 {
            let mut page = self.page();
            if self.above != Above::Nothing {
                page.blank();
            }
            closing::write(&mut page, (context, finished), (&self.folding, &self.style));
            self.out.write_all(self.spelled(page).as_bytes())?;
        }
        if context.live {
            self.space()?;
        }
        self.out.flush()
    }
}
