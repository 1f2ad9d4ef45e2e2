//! What real sockets drew, cut at random: however that is done, the rows are those of one pass.

use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;

use crate::capture::Recording;
use crate::law::Cut;
use crate::pieces::Frames;

/// Cuts a recording once for each seed. It is kept, as sockets draw no two that are alike: a failure names it and the seed, and
/// `RSTSCAN_CUT=FILE:SEED cargo test --test cuts repeated` cuts it so again.
#[track_caller]
pub fn hold(name: &str, recording: &Recording, seeds: Range<u64>) -> io::Result<()> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("lab");
    fs::create_dir_all(&folder)?;
    let file = folder.join(format!("{name}.pcap"));
    recording.write(&file)?;
    let capture = Frames::read(&fs::read(&file)?);
    seeds.for_each(|seed| Cut::new(&file.to_string_lossy(), &capture, seed).holds());
    Ok(())
}
