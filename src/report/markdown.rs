//! A Markdown table for tickets: the events, what many of them have in common, and what to check.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::amount::counted;
use super::time::rfc3339;
use super::words::{self, Speaker};
use super::{Context, Finished, Sink};
use crate::analyzer::Finding;
use crate::classify::Cause;

const HEAD: &str = "\
| frame | time (UTC) | sender | receiver | verdict | certainty | what happened |
|---:|---|---|---|---|---|---|
";

/// Writes Markdown as GitHub, GitLab and others render it (GitHub Flavored Markdown 0.29, section 4.10).
pub struct Markdown {
    out: Box<dyn Write>,
    /// What to check of each cause, as its first event says it.
    checks: BTreeMap<Cause, String>,
}

impl Markdown {
    /// To `out`.
    pub fn new(out: Box<dyn Write>) -> Self {
        Self { out, checks: BTreeMap::new() }
    }
}

impl Sink for Markdown {
    fn begin(&mut self, _: &Context) -> io::Result<()> {
        self.out.write_all(HEAD.as_bytes())
    }

    /// A row for an event; what follows from another reset is only counted, at the end.
    fn finding(&mut self, context: &Context, finding: &Finding) -> io::Result<()> {
        let Finding { reset, verdict, .. } = finding;
        if verdict.follows.is_some() {
            return Ok(());
        }
        let speaker = Speaker::new(context, finding);
        self.checks.entry(verdict.cause).or_insert_with(|| speaker.check());
        let frame = match words::input(context, reset.frame).filter(|_| context.inputs.len() > 1) {
            Some(input) => format!("{} of {}", reset.frame.number(), escaped(&words::visible(input))),
            None => reset.frame.number().to_string(),
        };
        // Nine digits of the second are more than a ticket needs.
        let time = rfc3339(reset.time).replace('T', " ");
        let time = time.get(..23).unwrap_or(&time);
        let (src, dst) = (reset.tuple.src, reset.tuple.dst);
        let verdict_id = format!("{}/{}", verdict.class, verdict.cause);
        let told = [
            Some(speaker.sentence()),
            speaker.passage(),
            context.names.sentence(finding).map(|names| format!("{names}.")),
        ];
        let sentence = escaped(&told.into_iter().flatten().collect::<Vec<_>>().join(" "));
        let certainty = speaker.certainty();
        let row = format!("| {frame} | {time} | {src} | {dst} | {verdict_id} | {certainty} | {sentence} |\n");
        self.out.write_all(row.as_bytes())?;
        if context.live { self.out.flush() } else { Ok(()) }
    }

    fn finish(&mut self, context: &Context, finished: &Finished<'_>) -> io::Result<()> {
        let summary = finished.summary;
        let (resets, events) = (counted(summary.resets, "reset"), counted(summary.events, "event"));
        let mut text = format!("\n{resets} in {events}, {}.\n", counted(summary.connections, "connection"));
        let patterns = context.patterns.all();
        if !patterns.is_empty() {
            text.push_str("\nIn common:\n\n");
        }
        for pattern in &patterns {
            let (count, what) = (counted(pattern.members.resets, "reset"), words::patterns::summary(&pattern.what));
            text.push_str(&format!("* {count}: {}\n", escaped(&what)));
        }
        if !self.checks.is_empty() {
            text.push_str("\nTo check:\n\n");
        }
        for (cause, check) in &self.checks {
            text.push_str(&format!("* {cause}: {}\n", escaped(check)));
        }
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

/// Text that means nothing to Markdown: what it would read as markup stands behind a backslash (section 6.1).
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 16);
    let mut rest = text.chars().peekable();
    let mut before = ' ';
    while let Some(c) = rest.next() {
        let is_markup = match c {
            // Within a word an underscore is only itself, and names such as SO_KEEPALIVE stay readable.
            '_' => !(before.is_alphanumeric() && rest.peek().is_some_and(|after| after.is_alphanumeric())),
            _ => "\\`*[]<>|~#&!".contains(c),
        };
        if is_markup {
            escaped.push('\\');
        }
        escaped.push(c);
        before = c;
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_was_captured_is_markup() {
        assert_eq!(
            escaped("a|b `c` *d* <e> [f](g) SO_KEEPALIVE _h_"),
            r"a\|b \`c\` \*d\* \<e\> \[f\](g) SO_KEEPALIVE \_h\_"
        );
        assert_eq!(escaped(r"\x1b & #5"), r"\\x1b \& \#5");
    }
}
