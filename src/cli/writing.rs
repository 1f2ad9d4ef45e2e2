//! The options that write a capture, with the letters and the sense that they have for tcpdump.

use std::path::PathBuf;

use clap::builder::TypedValueParser;
use clap::error::ErrorKind;

/// How to write a capture.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Writing {
    /// Into this file; `-` is standard output. With `seconds` a format of strftime(3).
    pub file: PathBuf,
    /// All frames, not only those of connections with a reset.
    pub all_packets: bool,
    /// Hand over each frame as soon as it is written.
    pub at_once: bool,
    /// Begin another file when one has more bytes than this.
    pub size: Option<u64>,
    /// Begin another file after so many seconds.
    pub seconds: Option<u32>,
    /// How many files: with `size` the first ones are then written over, with `seconds` alone the run ends.
    pub count: Option<u32>,
    /// With `size` or `seconds`: run this command for each file that is finished.
    pub after: Option<String>,
    /// Whether names of files have times in UTC.
    pub utc: bool,
    /// The input cannot be read twice.
    pub meanwhile: bool,
    /// Nothing else is to be printed on standard output.
    pub alone: bool,
}

impl Writing {
    /// Into this file, the frames of connections with a reset.
    pub fn to(file: PathBuf) -> Self {
        Self {
            alone: file.as_os_str() == "-",
            file,
            all_packets: false,
            at_once: false,
            size: None,
            seconds: None,
            count: None,
            after: None,
            utc: false,
            meanwhile: false,
        }
    }

    /// Whether it goes to files, not to standard output.
    pub fn makes_files(&self) -> bool {
        self.file.as_os_str() != "-"
    }
}

/// The arguments, as typed.
#[derive(clap::Args, Debug)]
pub(super) struct WritingArguments {
    /// Also write the frames of connections with a reset as pcapng, with comments that say why; - is standard output, and nothing else is printed then
    #[arg(short = 'w', value_name = "FILE", help_heading = "Writing")]
    write: Option<PathBuf>,

    /// With -w: write every frame
    #[arg(long, help_heading = "Writing", requires = "write")]
    all_packets: bool,

    /// With -w: hand over each frame as it is written
    #[arg(short = 'U', help_heading = "Writing", requires = "write")]
    unbuffered: bool,

    /// With -w: begin another file after so many million bytes, or KiB, MiB, GiB with k, m, g behind the number
    #[arg(short = 'C', value_name = "SIZE", help_heading = "Writing", requires = "write", value_parser = size())]
    size: Option<u64>,

    /// With -w: begin another file after so many seconds; FILE is a format of strftime(3)
    #[arg(short = 'G', value_name = "SECONDS", help_heading = "Writing", requires = "write", value_parser = clap::value_parser!(u32).range(1..))]
    seconds: Option<u32>,

    /// With -C: so many files, the first ones are then written over; with -G: end after so many
    #[arg(short = 'W', value_name = "COUNT", help_heading = "Writing", requires = "write", value_parser = clap::value_parser!(u32).range(1..))]
    file_count: Option<u32>,

    /// With -C or -G: run this command, with the name of the file behind it, for each file that is finished; there is no shell
    #[arg(short = 'z', value_name = "COMMAND", help_heading = "Writing", requires = "write")]
    after: Option<String>,
}

impl WritingArguments {
    /// What they ask for, if anything; what is wrong with it, if that is so.
    pub(super) fn writing(&self, is_terminal: bool) -> Result<Option<Writing>, (ErrorKind, &'static str)> {
        let Some(file) = &self.write else { return Ok(None) };
        let rotates = self.size.is_some() || self.seconds.is_some();
        let writing = Writing {
            all_packets: self.all_packets,
            at_once: self.unbuffered,
            size: self.size,
            seconds: self.seconds,
            count: self.file_count,
            after: self.after.clone(),
            ..Writing::to(file.clone())
        };
        let is_stdout = file.as_os_str() == "-";
        let conflict = |text| Err((ErrorKind::ArgumentConflict, text));
        match (is_stdout, self.file_count) {
            (_, Some(_)) if !rotates => conflict("-W needs -C or -G"),
            _ if self.after.is_some() && !rotates => conflict("-z needs -C or -G"),
            (true, _) if rotates => conflict("-C and -G need the name of a file"),
            (true, _) if is_terminal => conflict("-w - would write a capture to the terminal"),
            _ => Ok(Some(writing)),
        }
    }
}

/// Millions of bytes, or what the letter behind the number says.
fn size() -> impl TypedValueParser<Value = u64> {
    clap::builder::StringValueParser::new().try_map(|text| {
        let (number, unit) = match text.to_ascii_lowercase() {
            lower if lower.ends_with('k') => (text.len() - 1, 1 << 10),
            lower if lower.ends_with('m') => (text.len() - 1, 1 << 20),
            lower if lower.ends_with('g') => (text.len() - 1, 1 << 30),
            _ => (text.len(), 1_000_000),
        };
        let number = text.get(..number).and_then(|number| number.parse::<u64>().ok());
        number.filter(|number| *number > 0).and_then(|number| number.checked_mul(unit)).ok_or("not a size of a file")
    })
}
