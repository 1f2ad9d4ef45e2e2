//! The captures that are measured with.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::run::{Line, Runner};
use crate::verdicts::{Truth, counts};

/// A generated capture.
pub struct Capture {
    /// The letter of its kind, or what it is for.
    pub name: &'static str,
    pub path: String,
    pub truth: Truth,
    pub bytes: u64,
}

/// Makes captures, or takes those that are there.
pub struct Captures<'a> {
    pub runner: &'a Runner,
    pub folder: &'a Path,
    pub scale: f64,
}

impl Captures<'_> {
    /// A capture of a kind, whole or as much as the scale says; a small one is always whole.
    pub fn of_kind(&self, name: &'static str) -> anyhow::Result<Capture> {
        let scale = if name == "E" { 1.0 } else { self.scale };
        self.generate(name, name, &["--kind", name, "--scale", &scale.to_string()])
    }

    /// The same, but a fifth as long: what is repeated in a process costs as much there.
    pub fn short_of_kind(&self, name: &'static str) -> anyhow::Result<Capture> {
        self.generate(name, &format!("{name}-short"), &["--kind", name, "--scale", &(self.scale / 5.0).to_string()])
    }

    /// A capture in which every connection ends in a reset.
    pub fn of_resets(&self) -> anyhow::Result<Capture> {
        let scaled = |count: f64| ((count * self.scale) as u64).to_string();
        let (frames, connections) = (scaled(1.6e6), scaled(2e5));
        self.generate("R", "R", &["--frames", &frames, "--connections", &connections, "--resets", "100"])
    }

    fn generate(&self, name: &'static str, file: &str, options: &[&str]) -> anyhow::Result<Capture> {
        let path = self.folder.join(format!("{file}.pcap")).to_string_lossy().into_owned();
        let generator = beside("examples/generate")?;
        let line: Line =
            [&[generator.as_str(), "--seed", "1"], options, &[&path]].concat().iter().map(<_>::to_string).collect();
        let note = format!("{path}.made-by");
        let made_by = format!("{} {:?}\n", line[1..].join(" "), fs::metadata(&generator)?.modified()?);
        if fs::read_to_string(&note).ok().as_ref() != Some(&made_by) || !Path::new(&path).is_file() {
            eprintln!("{}", line.join(" "));
            self.runner.output(&line)?;
            fs::write(&note, made_by)?;
        }
        Ok(Capture { name, ..given(&path)? })
    }

    /// The first frames of a capture, as a capture of their own.
    pub fn cut(&self, capture: &Capture, frames: u64) -> anyhow::Result<Capture> {
        let path = self.folder.join("cut.pcap").to_string_lossy().into_owned();
        let mut from = io::BufReader::new(File::open(&capture.path)?);
        let mut to = io::BufWriter::new(File::create(&path)?);
        let bytes = io::copy(&mut from.by_ref().take(24), &mut to)?;
        let mut cut = Capture { name: "cut", path, truth: Truth::default(), bytes };
        while cut.truth.frames < frames.min(capture.truth.frames) {
            let mut header = [0; 16];
            from.read_exact(&mut header)?;
            let len = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
            to.write_all(&header)?;
            cut.bytes += 16 + io::copy(&mut from.by_ref().take(len.into()), &mut to)?;
            cut.truth.frames += 1;
        }
        to.flush()?;
        Ok(cut)
    }
}

impl Capture {
    /// Reads it once, so that it lies in the page cache.
    pub fn warm(&self) -> anyhow::Result<()> {
        io::copy(&mut File::open(&self.path)?, &mut io::sink())?;
        Ok(())
    }

    /// How many resets there are; an error unless every verdict is one that is right.
    pub fn check(&self, runner: &Runner) -> anyhow::Result<u64> {
        let line = [beside("rstscan")?, "--count".into(), "-r".into(), self.path.clone()];
        let differences = self.truth.differences(&counts(&runner.output(&line)?));
        anyhow::ensure!(differences.is_empty(), "wrong verdicts on {}:\n{}", self.path, differences.join("\n"));
        Ok(self.truth.total())
    }
}

/// A capture that the generator has written before.
pub fn given(path: &str) -> anyhow::Result<Capture> {
    let truth = fs::read_to_string(format!("{path}.truth.json")).with_context(|| format!("{path}.truth.json"))?;
    Ok(Capture { name: "", path: path.into(), truth: serde_json::from_str(&truth)?, bytes: fs::metadata(path)?.len() })
}

/// A program from the same build.
pub fn beside(name: &str) -> anyhow::Result<String> {
    let own = std::env::current_exe()?;
    let folder: PathBuf = own.ancestors().nth(2).context("no target folder")?.into();
    Ok(folder.join(name).to_string_lossy().into_owned())
}
