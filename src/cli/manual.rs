//! The manual page and the completions for shells, from the definition of the arguments.

use std::io::{self, Write};

use clap::{CommandFactory, ValueEnum};
use clap_complete::Shell;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, italic, roman};

use super::{Arguments, EXAMPLES};

/// What can be written of the arguments.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub enum Generated {
    /// The manual page, for `rstscan.8`.
    Man,
    /// Completions for bash.
    Bash,
    /// Completions for zsh.
    Zsh,
    /// Completions for fish.
    Fish,
}

const DESCRIPTION: [&str; 3] = [
    "rstscan reads live traffic or captures, tracks every TCP connection, and says of every segment with RST why it was \
     sent: its class, its cause, how certain that is, and the frames that prove it.",
    "A filter should choose connections (host, net, port), not segments: a verdict rests on what went before the RST, in \
     both directions.",
    "Findings and the summary go to standard output, everything else goes to standard error. The first SIGINT or SIGTERM \
     ends the run in good order, the second one at once.",
];

/// Which status means what.
const EXIT: [(&str, &str); 5] = [
    ("0", "Done, also when there was no reset, and when the reader of the output closed it."),
    (
        "1",
        "An input could not be read to its end or is damaged (what can be read is explained), or something could not be \
         opened or written.",
    ),
    ("2", "Wrong usage."),
    ("3", "A reset that --fail-on names was found; with --diff, more of them than before."),
    ("130, 143", "A second SIGINT or SIGTERM."),
];

/// Which variables matter.
const ENVIRONMENT: [(&str, &str); 4] = [
    ("NO_COLOR", "With any value: no colour, unless --color always."),
    ("CLICOLOR, CLICOLOR_FORCE", "CLICOLOR=0: no colour. CLICOLOR_FORCE other than 0: colour also in a pipe."),
    ("TERM", "dumb: no colour."),
    ("TZ", "The zone of local times; --utc sets it aside."),
];

/// What files are read beside captures.
const FILES: [(&str, &str); 3] = [
    ("list of -V", "Names of captures, one a line."),
    ("filter of -F", "A filter of pcap-filter(7); # begins a comment."),
    ("timers of --timers", "One timer a line, its seconds and a name; # begins a comment."),
];

/// Writes one of them.
///
/// # Errors
///
/// When `out` cannot be written to.
pub fn generate(what: Generated, out: &mut dyn Write) -> io::Result<()> {
    let mut command = Arguments::command();
    let shell = match what {
        Generated::Man => return manual(out),
        Generated::Bash => Shell::Bash,
        Generated::Zsh => Shell::Zsh,
        Generated::Fish => Shell::Fish,
    };
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut command, "rstscan", &mut text);
    out.write_all(&text)
}

fn manual(out: &mut dyn Write) -> io::Result<()> {
    let man = Man::new(Arguments::command()).section("8").manual("Network diagnosis");
    let mut text = Vec::new();
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    synopsis().to_writer(&mut text)?;
    let mut description = Roff::new();
    description.control("SH", ["DESCRIPTION"]);
    for paragraph in DESCRIPTION {
        description.control("PP", []).text([roman(paragraph)]);
    }
    description.to_writer(&mut text)?;
    man.render_options_section(&mut text)?;
    terms("EXIT STATUS", &EXIT).to_writer(&mut text)?;
    terms("ENVIRONMENT", &ENVIRONMENT).to_writer(&mut text)?;
    terms("FILES", &FILES).to_writer(&mut text)?;
    let examples: Vec<(&str, &str)> = examples().collect();
    terms("EXAMPLES", &examples).to_writer(&mut text)?;
    let mut see_also = Roff::new();
    see_also.control("SH", ["SEE ALSO"]).text([
        bold("tcpdump"),
        roman("(8), "),
        bold("tshark"),
        roman("(1), "),
        bold("pcap-filter"),
        roman("(7), "),
        bold("ss"),
        roman("(8)"),
    ]);
    see_also.to_writer(&mut text)?;
    out.write_all(&text)
}

/// The lines of `rstscan -h`, in place of one with every option there is.
fn synopsis() -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["SYNOPSIS"]);
    let usage = Arguments::command().render_usage().to_string();
    for line in usage.trim_start_matches("Usage:").lines() {
        let words = line.trim().strip_prefix("rstscan").unwrap_or_default().to_owned();
        roff.text([bold("rstscan"), italic(words)]).control("br", []);
    }
    roff
}

/// A section of terms and what they mean.
fn terms(title: &str, terms: &[(&str, &str)]) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    for (term, meaning) in terms {
        roff.control("TP", []).text([bold(*term)]).text([roman(*meaning)]);
    }
    roff
}

/// The examples of the help: each command, and what it does.
fn examples() -> impl Iterator<Item = (&'static str, &'static str)> {
    let commands = EXAMPLES.lines().filter_map(|line| line.strip_prefix("  "));
    commands.filter_map(|line| line.split_once("  ")).map(|(command, meaning)| (command, meaning.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn generated(what: Generated) -> String {
        let mut text = Vec::new();
        generate(what, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn every_example_of_the_help_has_its_meaning() {
        let commands = EXAMPLES.lines().filter(|line| line.starts_with("  ")).count();
        assert_eq!(examples().count(), commands);
        assert!(examples().all(|(command, meaning)| command.contains("rstscan") && meaning.len() > 5));
    }

    #[test]
    fn the_manual_has_its_sections_and_every_option() {
        let text = generated(Generated::Man);
        let sections: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(".SH ")).collect();
        for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "ENVIRONMENT", "FILES", "EXAMPLES"] {
            assert!(sections.contains(&section), "{section}: {sections:?}");
        }
        assert!(sections.contains(&"\"EXIT STATUS\"") && sections.contains(&"\"SEE ALSO\""), "{sections:?}");
        let plain = text.replace("\\-", "-");
        for option in Arguments::command().get_arguments().filter(|option| !option.is_hide_set()) {
            let name = option.get_long().map(|long| format!("--{long}"));
            let name = name.or(option.get_short().map(|short| format!("-{short}"))).unwrap_or_default();
            assert!(plain.contains(&name), "{name}");
        }
    }

    #[test]
    fn completions_know_options_and_their_values() {
        for shell in [Generated::Bash, Generated::Zsh, Generated::Fish] {
            let text = generated(shell);
            for word in ["json-style", "fail-on", "keepalive-race", "markdown"] {
                assert!(text.contains(word), "{shell:?} lacks {word}");
            }
        }
    }
}
