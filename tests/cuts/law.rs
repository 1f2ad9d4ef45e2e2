//! The law: however a capture is cut, its rows are those of one pass.

use std::cell::OnceCell;
use std::collections::HashSet;
use std::fmt;
use std::net::{IpAddr, SocketAddr};

use rstscan::analyzer::Options;
use rstscan::report::Format;
use rstscan::tcp::{FourTuple, Shard};
use serde_json::Value;

use crate::pieces::{self, Frames, chain, chain_with, fold, linked, piece};
use crate::random::Random;

/// A capture cut into one to six files and one to five shards, the same for the same seed.
pub struct Cut {
    name: String,
    seed: u64,
    /// The first frame of each file but the first one, from 0.
    starts: Vec<usize>,
    pub files: Vec<Frames>,
    shards: u32,
    whole: OnceCell<String>,
}

impl fmt::Display for Cut {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, seed, starts, shards, .. } = self;
        write!(out, "{name}, seed {seed}: files begin at frames 0 and {starts:?}, {shards} shards")
    }
}

impl Cut {
    pub fn new(name: &str, capture: &Frames, seed: u64) -> Self {
        let mut random = Random(seed);
        let mut starts: Vec<_> = (0..random.below(6)).map(|_| random.below(capture.0.len() as u64) as usize).collect();
        starts.sort_unstable();
        let (files, shards) = (pieces::files(capture, &starts), random.below(5) as u32 + 1);
        Self { name: name.to_owned(), seed, starts, files, shards, whole: OnceCell::new() }
    }

    /// What one pass prints.
    fn whole(&self) -> &str {
        self.whole.get_or_init(|| chain(&self.files))
    }

    fn options(&self) -> impl Iterator<Item = Options> {
        let of = self.shards;
        (1..=of).map(move |number| Options { shard: Shard::new(number, of), ..Options::default() })
    }

    /// Shards put together, each in one pass or in two; whether several of them have resets.
    #[track_caller]
    pub fn holds_of_shards(&self) -> bool {
        let mut random = Random(self.seed);
        let run = |options: Options| match random.below(2) {
            0 => chain_with(&self.files, &options),
            _ => pieces::in_two_passes(&self.files, &options),
        };
        let mut shards: Vec<String> = self.options().map(run).collect();
        self.same(sorted(&shards.concat()), sorted(self.whole()));
        // In whatever order they come.
        shards.rotate_left(random.below(u64::from(self.shards)) as usize);
        for format in [Format::Json, Format::Text, Format::Count] {
            self.same_text(&fold(&shards, format), &fold(&[self.whole().to_owned()], format));
        }
        shards.iter().filter(|rows| !resets(rows).is_empty()).count() > 1
    }

    /// Each file by a run of its own that reads all before it, too.
    #[track_caller]
    pub fn holds_of_warm_up(&self) {
        let pieces: Vec<String> = (0..self.files.len()).map(|at| piece(&self.files, 0, at)).collect();
        self.same(lines(&pieces.concat(), "reset", &["stream"]), lines(self.whole(), "reset", &["stream"]));
        let [folded, once] = [&pieces[..], &[self.whole().to_owned()]].map(|outputs| fold(outputs, Format::Json));
        self.same(lines(&folded, "pattern", &[]), lines(&once, "pattern", &[]));
        let counts = ["connections", "tracked_max"];
        self.same(lines(&folded, "summary", &counts), lines(&once, "summary", &counts));
    }

    /// Each file by a run of its own that knows what the one before left: not a byte of a row differs, and the counts are those of
    /// one pass, too. How many runs left resets to the next one, and whether connections were given up.
    #[track_caller]
    pub fn holds_of_a_chain(&self, max_connections: usize) -> (usize, bool) {
        let options = Options { max_connections, ..Options::default() };
        let (whole, linked) = (chain_with(&self.files, &options), linked(&self.files, &options));
        self.same(resets(&linked.concat()), resets(&whole));
        let given_up = whole.contains("\"evicted\"");
        self.same_text(&fold(&linked, Format::Json), &fold(&[whole], Format::Json));
        (linked.iter().filter(|output| output.contains("\"carried\":")).count(), given_up)
    }

    /// The chain of each shard, and all of them together.
    #[track_caller]
    pub fn holds_of_chains_of_shards(&self) {
        let outputs: Vec<String> = self.options().flat_map(|options| linked(&self.files, &options)).collect();
        self.same(sorted(&outputs.concat()), sorted(self.whole()));
    }

    /// Each file by a run of its own that reads some of the files before it: what began in these has the class of one pass, and
    /// the cause, too, where nothing older is of its host. So has what is older, or it is not certain and names what it lacks.
    /// How many resets were of the first kind or certain, and how many had another verdict.
    #[track_caller]
    pub fn holds_of_an_overlap(&self) -> (usize, usize) {
        let (mut compared, mut others) = (0, 0);
        for at in 1..self.files.len() {
            let before = Random(self.seed).below(at as u64) as usize;
            let older = Older::new(&self.files[..before]);
            let (piece, file) = (lines(&piece(&self.files, before, at), "reset", &[]), pieces::name(at));
            let of_file = |row: &Value| row["file"] == file.as_str();
            let whole: Vec<Value> = lines(self.whole(), "reset", &[]).into_iter().filter(of_file).collect();
            assert_eq!(piece.len(), whole.len(), "{self}, file {at}");
            for (row, expected) in piece.iter().zip(&whole) {
                let same = verdict(row, &older) == verdict(expected, &older);
                let is_older = older.has_connection(row) && row["certainty"] != "certain";
                let lacks = row["missing"].as_array().is_some_and(|missing| !missing.is_empty());
                assert!(same || is_older && lacks, "{self}\n   found: {row}\nexpected: {expected}");
                compared += usize::from(!is_older);
                others += usize::from(!same);
            }
        }
        (compared, others)
    }

    /// All of it.
    #[track_caller]
    pub fn holds(&self) {
        self.holds_of_shards();
        self.holds_of_warm_up();
        self.holds_of_a_chain(Options::default().max_connections);
        self.holds_of_chains_of_shards();
        self.holds_of_an_overlap();
    }

    #[track_caller]
    fn same_text(&self, found: &str, expected: &str) {
        self.same(found.lines().collect(), expected.lines().collect());
    }

    /// The first line that differs is enough to be told.
    #[track_caller]
    fn same<T: PartialEq + fmt::Debug>(&self, found: Vec<T>, expected: Vec<T>) {
        let common = found.iter().zip(&expected).take_while(|(found, expected)| found == expected).count();
        let (found, expected) = (found.get(common), expected.get(common));
        assert!(found == expected, "{self}\n   found: {found:?}\nexpected: {expected:?}");
    }
}

/// What a verdict says; its cause only where no older connection of its host may have told more.
fn verdict<'a>(row: &'a Value, older: &Older) -> (&'a Value, &'a Value, &'a Value, Option<&'a Value>) {
    let counts = older.has_connection(row) || !older.has_host(row);
    (&row["frame"], &row["class"], &row["form"], counts.then(|| &row["cause"]))
}

/// What the files have that are not read.
struct Older {
    connections: HashSet<u64>,
    hosts: HashSet<IpAddr>,
}

impl Older {
    fn new(files: &[Frames]) -> Self {
        let tuples: Vec<FourTuple> = files.iter().flat_map(pieces::tuples).collect();
        Self {
            connections: tuples.iter().map(FourTuple::fingerprint).collect(),
            hosts: tuples.iter().flat_map(|tuple| [tuple.src.ip(), tuple.dst.ip()]).collect(),
        }
    }

    fn has_connection(&self, row: &Value) -> bool {
        self.connections.contains(&pieces::fingerprint_of(row))
    }

    fn has_host(&self, row: &Value) -> bool {
        let service: Option<SocketAddr> = row["service"].as_str().and_then(|service| service.parse().ok());
        self.hosts.contains(&service.expect("each row has a service").ip())
    }
}

/// The rows of resets in their order.
pub fn resets(output: &str) -> Vec<&str> {
    output.lines().filter(|row| row.starts_with("{\"type\":\"reset\"")).collect()
}

/// The same, sorted.
fn sorted(output: &str) -> Vec<&str> {
    let mut rows = resets(output);
    rows.sort_unstable();
    rows
}

/// Lines of one type, without some keys, such as those that count from where the reading began.
pub fn lines(output: &str, of_type: &str, keys: &[&str]) -> Vec<Value> {
    let rows = output.lines().map(|line| serde_json::from_str(line).expect("a row"));
    let mut rows: Vec<Value> = rows.filter(|row: &Value| row["type"] == of_type).collect();
    for row in rows.iter_mut().filter_map(Value::as_object_mut) {
        row.retain(|key, _| !keys.contains(&key.as_str()));
    }
    rows
}
