//! A first pass over files that are large enough for it to pay.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::input;
use super::progress::{Counts, Pass, Progress};
use super::signals::Signals;
use crate::analyzer::Prescan;
use crate::source::{AtHand, Compression, Next, Source};
use crate::track::Interest;

/// Below this many bytes in all the second pass saves less than the first one costs.
const WORTH_IT: u64 = 16 << 20;
/// Once in so many frames there may be progress to show.
const SHOWN_EACH: u64 = 1 << 12;

/// The four-tuples with a RST in these files; `None` where one pass is better or the only way.
///
/// What cannot be read is left for the second pass to tell.
pub(super) fn interest(
    files: &[PathBuf],
    filtered: bool,
    signals: &Signals,
    progress: &mut Progress,
) -> Option<Interest> {
    let lengths = files.iter().map(|path| regular_length(path)).collect::<Option<Vec<u64>>>()?;
    let compressions: Vec<_> = files.iter().filter_map(|path| compression(path)).collect();
    let any_is = |slow: &[Compression]| compressions.iter().any(|compression| slow.contains(compression));
    if lengths.iter().sum::<u64>() < WORTH_IT || any_is(&[Compression::Gzip, Compression::Xz]) {
        return None;
    }
    let mut scan = Prescan::new();
    let mut doubtful = any_is(&[Compression::Zstd]);
    progress.begin(Pass::First);
    for path in files {
        read(path, signals, (&mut scan, &mut doubtful), progress)?;
    }
    let same_frames = files.len() == 1 && !filtered;
    (same_frames || scan.holds_in_any_order()).then(|| scan.finish())
}

/// The length of a file that can be read twice.
fn regular_length(path: &Path) -> Option<u64> {
    let data = std::fs::metadata(path).ok()?;
    data.is_file().then_some(data.len())
}

/// How a file is compressed. To decompress gzip and xz takes longer than to follow all connections, so that is not done twice; zstd
/// does where frames are large, and lz4 nowhere.
fn compression(path: &Path) -> Option<Compression> {
    let mut magic = [0; 4];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).ok()?;
    Compression::of(magic)
}

/// Shows a file to the scan, as far as it can be read; `None` if the scan does not pay, or a signal asks for an end. Where it is
/// doubtful whether it pays to decompress twice that is decided once, when there are frames enough to tell.
fn read(
    path: &Path,
    signals: &Signals,
    (scan, doubtful): (&mut Prescan, &mut bool),
    progress: &mut Progress,
) -> Option<()> {
    let Ok(mut file) = input::open(path, 0, signals, &progress.meter()) else { return Some(()) };
    let mut look_again = scan.frames() + SHOWN_EACH;
    loop {
        match file.next() {
            Ok(Next::Frame(ref frame)) => {
                scan.push(frame);
                match file.at_hand() {
                    AtHand::None => {}
                    AtHand::Pcap(records) => scan.push_all(records),
                    AtHand::PcapNg(blocks) => scan.push_all(blocks),
                }
            }
            Ok(Next::Interface(_) | Next::Comment(..) | Next::Damaged(_) | Next::Lost(_) | Next::Idle) => {}
            Ok(Next::End) | Err(_) => return Some(()),
        }
        if *doubtful && scan.frames() >= Prescan::SAMPLE {
            *doubtful = false;
            if !scan.pays_decompressing() {
                return None;
            }
        }
        if signals.stopped() || !scan.pays() {
            return None;
        }
        if scan.frames() < look_again {
            continue;
        }
        look_again = scan.frames() + SHOWN_EACH;
        if progress.is_due() {
            progress.show(Counts { frames: scan.frames(), resets: scan.resets() });
        }
    }
}
