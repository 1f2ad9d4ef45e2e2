//! The file in which a run leaves what it knows to the next one.
//!
//! A line that names the format and the version of the program; the terms on which verdicts were made; names and comments of
//! what was read so far, and all that the analyzer knows, compressed where the program can; at last the SHA-256 of all that.
//! What is read may come from anybody: it is taken up only where all of it fits together.

#[cfg(test)]
mod layout;
#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use super::place;
use crate::analyzer::State;
use crate::cli::Config;
use crate::frame::FrameNo;
use crate::tcp::Shard;

/// Changes with every change of what is written down, also of the types in it: `tests/schema/state.txt` has all of them.
const FORMAT: u32 = 2;
const VERSION: &str = env!("CARGO_PKG_VERSION");
/// What a file begins with, before the numbers of format and version, and how long that line may be.
const MAGIC: &str = "rstscan state ";
const LINE_MAX: usize = 128;
const DIGEST: u64 = 32;
/// What is compressed is at most so many times as long as the file, and this beside: empty tables shrink to nothing.
const RATIO: u64 = 32;
const BESIDE: u64 = 64 << 20;
const BUFFER: usize = 256 * 1024;
/// zstd's fastest level but for those that hardly compress.
#[cfg(feature = "compress")]
const LEVEL: i32 = 1;

/// What verdicts depend on beside the frames: all runs of a chain have the same.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Terms {
    settle_ns: i64,
    pub(super) max_connections: usize,
    shard: Option<Shard>,
    /// The filter, in UTF-8.
    filter: Option<Vec<u8>>,
    /// Whether what follows is compressed.
    compressed: bool,
}

impl Terms {
    /// Those that the options name; how many connections are held is decided later.
    pub(super) fn new(config: &Config, filter: Option<&str>) -> Self {
        Self {
            settle_ns: config.settle_ns,
            max_connections: 0,
            shard: config.shard,
            filter: filter.map(|text| text.as_bytes().to_vec()),
            compressed: cfg!(feature = "compress"),
        }
    }

    /// The options that ask for a shard and a filter, as told to people.
    pub(super) fn words(&self) -> String {
        let shard = self.shard.map(|shard| format!("--shard {shard}"));
        let filter = self.filter.as_ref().map(|text| format!("the filter '{}'", text.escape_ascii()));
        let words: Vec<String> = shard.into_iter().chain(filter).collect();
        let settle = format!("--settle {}", self.settle_ns as f64 / 1e9);
        [settle].into_iter().chain(words).collect::<Vec<_>>().join(", ")
    }
}

/// What is known of the inputs so far.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Inputs {
    /// Their names, by number.
    pub(super) names: Vec<String>,
    pub(super) comments: Vec<(FrameNo, String)>,
}

/// The same as bytes, which are read one by one: no length is believed before they are there.
#[derive(Serialize, Deserialize)]
struct InputsWritten {
    names: Vec<Vec<u8>>,
    comments: Vec<(FrameNo, Vec<u8>)>,
}

impl From<&Inputs> for InputsWritten {
    fn from(inputs: &Inputs) -> Self {
        let bytes = |text: &String| text.as_bytes().to_vec();
        Self {
            names: inputs.names.iter().map(bytes).collect(),
            comments: inputs.comments.iter().map(|(frame, text)| (*frame, bytes(text))).collect(),
        }
    }
}

impl InputsWritten {
    fn read(self) -> Result<Inputs, std::string::FromUtf8Error> {
        let names = self.names.into_iter().map(String::from_utf8).collect::<Result<_, _>>()?;
        let comments = self.comments.into_iter().map(|(frame, text)| Ok((frame, String::from_utf8(text)?)));
        Ok(Inputs { names, comments: comments.collect::<Result<_, _>>()? })
    }
}

/// A file that is to be written: made before anything is read, under a name of its own, and given its name once it is whole.
pub(super) struct StateFile {
    path: PathBuf,
    file: NamedTempFile,
}

impl StateFile {
    /// Makes the file, which only its user can read; what has its name stays until it is whole.
    ///
    /// # Errors
    ///
    /// It cannot be made there, or something else than a state has its name.
    pub(super) fn prepare(path: &Path, inputs: &[PathBuf]) -> anyhow::Result<Self> {
        let made = free(path, inputs).and_then(|()| {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
            tempfile::Builder::new().prefix(".rstscan-").tempfile_in(folder)
        });
        let file = made.with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// The name that it will have.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes what is known, and gives the file its name.
    ///
    /// # Errors
    ///
    /// It cannot be written: the disk is full.
    pub(super) fn write(self, terms: &Terms, known: (&Inputs, &State)) -> anyhow::Result<()> {
        let Self { path, file } = self;
        let written = write(file.as_file(), terms, known).and_then(|()| {
            file.as_file().sync_all()?;
            // The rename replaces what has the name, and follows no link.
            file.persist(&path).map_err(|error| error.error)?;
            Ok(())
        });
        written.with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Whether a state can take this name: nothing has it, or a regular file that is no input.
fn free(path: &Path, inputs: &[PathBuf]) -> io::Result<()> {
    place::check_way(path)?;
    let Ok(data) = fs::symlink_metadata(path) else { return Ok(()) };
    let same =
        |input: &PathBuf| fs::metadata(input).is_ok_and(|input| (input.dev(), input.ino()) == (data.dev(), data.ino()));
    match () {
        () if data.is_symlink() => Err(io::Error::other("is a symbolic link; name the file that it leads to")),
        () if !data.is_file() => Err(io::Error::other("is no regular file")),
        () if inputs.iter().any(same) => Err(io::Error::other("is what is being read")),
        () => Ok(()),
    }
}

fn write(file: &File, terms: &Terms, (inputs, state): (&Inputs, &State)) -> io::Result<()> {
    let mut out = Summed::new(BufWriter::with_capacity(BUFFER, file));
    writeln!(out, "{MAGIC}{FORMAT} {VERSION}")?;
    postcard::to_io(terms, &mut out).map_err(io::Error::other)?;
    body(&mut out, &(InputsWritten::from(inputs), state))?;
    let Summed { mut inner, sum } = out;
    inner.write_all(&sum.finalize())?;
    inner.flush()
}

#[cfg(feature = "compress")]
fn body(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let coder = zstd::Encoder::new(out, LEVEL)?;
    let buffered = postcard::to_io(value, BufWriter::with_capacity(BUFFER, coder)).map_err(io::Error::other)?;
    buffered.into_inner().map_err(io::IntoInnerError::into_error)?.finish()?;
    Ok(())
}

#[cfg(not(feature = "compress"))]
fn body(out: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    let mut buffered = postcard::to_io(value, BufWriter::with_capacity(BUFFER, out)).map_err(io::Error::other)?;
    buffered.flush()
}

/// A state that is read.
pub(super) struct StateReader {
    file: Summed<io::Take<BufReader<File>>>,
    length: u64,
    pub(super) terms: Terms,
}

impl StateReader {
    /// Opens a file, and reads on which terms it was made.
    ///
    /// # Errors
    ///
    /// It cannot be read, is no state, or one of another version.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = File::open(path)?;
        let data = file.metadata()?;
        if !data.is_file() {
            bail!("is no regular file");
        }
        let length = data.len().saturating_sub(DIGEST);
        let mut file = Summed::new(BufReader::with_capacity(BUFFER, file).take(length));
        check_version(&line(&mut file)?)?;
        let terms: Terms = read(&mut file)?;
        if terms.compressed && !cfg!(feature = "compress") {
            bail!("is compressed, and this program was built without that (the feature `compress`)");
        }
        Ok(Self { file, length, terms })
    }

    /// Reads all that is known.
    ///
    /// # Errors
    ///
    /// It cannot be read, or is damaged.
    pub(super) fn read(mut self) -> anyhow::Result<(Inputs, State)> {
        let limit = self.length.saturating_mul(RATIO).saturating_add(BESIDE);
        let (written, state): (InputsWritten, State) = match self.terms.compressed {
            true => decoded(&mut self.file, limit)?,
            false => whole(&mut self.file)?,
        };
        let Summed { inner, sum } = self.file;
        let mut rest = inner;
        let (left, mut expected) = (rest.limit(), [0; DIGEST as usize]);
        rest.get_mut().read_exact(&mut expected)?;
        if left > 0 || *sum.finalize() != expected {
            bail!(DAMAGED);
        }
        Ok((written.read().ok().context(DAMAGED)?, state))
    }
}

const DAMAGED: &str = "is damaged, or was not written to its end";

#[cfg(feature = "compress")]
fn decoded<T: DeserializeOwned>(file: &mut impl Read, limit: u64) -> anyhow::Result<T> {
    let decoder = zstd::Decoder::new(file).and_then(|mut decoder| {
        decoder.window_log_max(27)?;
        Ok(decoder.single_frame())
    })?;
    whole(&mut decoder.take(limit))
}

#[cfg(not(feature = "compress"))]
fn decoded<T: DeserializeOwned>(_: &mut impl Read, _: u64) -> anyhow::Result<T> {
    bail!(DAMAGED)
}

/// A value with nothing behind it.
fn whole<T: DeserializeOwned>(from: &mut impl Read) -> anyhow::Result<T> {
    let mut bytes = BufReader::with_capacity(BUFFER, from);
    let value = read(&mut bytes)?;
    match bytes.read(&mut [0]) {
        Ok(0) => Ok(value),
        _ => bail!(DAMAGED),
    }
}

/// A value, whatever is there.
fn read<T: DeserializeOwned>(from: &mut impl Read) -> anyhow::Result<T> {
    let (value, _) = postcard::from_io((from, &mut [])).ok().context(DAMAGED)?;
    Ok(value)
}

/// The first line, if there is a short one.
fn line(from: &mut impl Read) -> io::Result<String> {
    let (mut line, mut byte) = (Vec::new(), [0]);
    while line.len() < LINE_MAX && from.read(&mut byte)? > 0 && byte != *b"\n" {
        line.extend(byte);
    }
    Ok(String::from_utf8_lossy(&line).into_owned())
}

fn check_version(line: &str) -> anyhow::Result<()> {
    let Some((format, version)) = line.strip_prefix(MAGIC).and_then(|rest| rest.split_once(' ')) else {
        bail!("is no state of rstscan (--state-out writes one)");
    };
    if (format, version) != (&*FORMAT.to_string(), VERSION) {
        let (format, version) = (format.escape_debug(), version.escape_debug());
        bail!(
            "was left by rstscan {version} (format {format}), and this is {VERSION} (format {FORMAT}): a chain is of one version"
        );
    }
    Ok(())
}

/// A file with the sum of what is written to it or read from it.
struct Summed<T> {
    inner: T,
    sum: Sha256,
}

impl<T> Summed<T> {
    fn new(inner: T) -> Self {
        Self { inner, sum: Sha256::new() }
    }
}

impl<T: Write> Write for Summed<T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.inner.write(bytes)?;
        self.sum.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<T: Read> Read for Summed<T> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(bytes)?;
        self.sum.update(bytes.get(..count).unwrap_or_default());
        Ok(count)
    }
}
