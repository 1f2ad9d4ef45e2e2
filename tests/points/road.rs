//! What lies between two points, and what was told of the captures at them.

use std::net::SocketAddrV4;
use std::process::Command;

use serde_json::Value;

use super::schema;
use super::script::{self, Capture, Encapsulation};

/// A segment on the way.
pub type Sent = <Capture as IntoIterator>::Item;

/// One millisecond in nanoseconds.
pub const MS: i64 = 1_000_000;

/// A client that asks, and is answered, and asks again; what it is answered then is up to the test.
pub const TALK: &str = "\
+0        C > S  S   0:0(0) win 64240 <mss 1460, sackOK, TS val 100 ecr 0>
+.01      S > C  S.  0:0(0) ack 1 win 65160 <mss 1460, sackOK, TS val 900 ecr 100>
+.01      C > S  .   1:1(0) ack 1 win 502 <TS val 101 ecr 900>
+.001     C > S  P.  1:101(100) ack 1 win 502 <TS val 102 ecr 900>
+.02      S > C  .   1:1(0) ack 101 win 509 <TS val 901 ecr 102>
+.001     S > C  P.  1:301(300) ack 101 win 509 <TS val 902 ecr 102>
+.02      C > S  .   101:101(0) ack 301 win 501 <TS val 103 ecr 902>
+1        C > S  P.  101:201(100) ack 301 win 501 <TS val 104 ecr 902>
";

/// What lies between two points.
pub struct Road {
    /// All that is anywhere on it, in order.
    pub sent: Capture,
    /// Segments of the script that the client's side, and the server's side, never saw.
    pub unseen: [Vec<u64>; 2],
    /// From one point to the other.
    pub way: i64,
    /// How far the server's clock is ahead, and by how many parts in a billion it gains.
    pub clock: (i64, i64),
    /// Who the client is behind the NAT.
    pub outside: Option<SocketAddrV4>,
    /// Further changes of what the server's side captured.
    pub change: fn(Capture) -> Capture,
}

impl Road {
    pub fn new(text: &str) -> Self {
        let script = script::parse(text).expect("a script");
        let sent = script::segments(&script).expect("segments");
        Self { sent, unseen: Default::default(), way: 5 * MS, clock: (0, 0), outside: None, change: |capture| capture }
    }

    /// A talk whose second request is answered like this, or what follows it; frames count from 9.
    pub fn answered(then: &str) -> Self {
        Self::new(&format!("{TALK}{then}"))
    }

    pub fn unseen_by_client(mut self, numbers: &[u64]) -> Self {
        self.unseen[0] = numbers.into();
        self
    }

    pub fn unseen_by_server(mut self, numbers: &[u64]) -> Self {
        self.unseen[1] = numbers.into();
        self
    }

    pub fn clock(self, ahead: i64, gains: i64) -> Self {
        Self { clock: (ahead, gains), ..self }
    }

    pub fn behind_nat(self) -> Self {
        Self { outside: Some("198.51.100.77:61000".parse().unwrap()), ..self }
    }

    pub fn changed(self, change: fn(Capture) -> Capture) -> Self {
        Self { change, ..self }
    }

    /// What the client's side and the server's side captured.
    pub fn captures(&self) -> [Capture; 2] {
        let server = SocketAddrV4::new([198, 51, 100, 20].into(), 80);
        let at = |point: usize| {
            let seen =
                self.sent.iter().filter(|sent| sent.number.is_none_or(|number| !self.unseen[point].contains(&number)));
            let mut capture: Capture = seen.cloned().map(|sent| self.seen(sent, point, server)).collect();
            capture.sort_by_key(|sent| sent.time_ns);
            capture
        };
        [at(0), (self.change)(at(1))]
    }

    /// A segment as one point captures it; the time of the script is that in the middle.
    fn seen(&self, mut sent: Sent, point: usize, server: SocketAddrV4) -> Sent {
        let onward = sent.to == server;
        let early = onward == (point == 0);
        sent.time_ns += if early { -self.way / 2 } else { self.way / 2 };
        let everywhere = sent.number.is_none_or(|number| self.unseen.iter().all(|unseen| !unseen.contains(&number)));
        if !early && everywhere {
            sent.ttl -= 2;
        }
        if point == 1 {
            let first = self.sent.first().map_or(0, |first| first.time_ns);
            let gained = i128::from(sent.time_ns - first) * i128::from(self.clock.1) / 1_000_000_000;
            sent.time_ns += self.clock.0 + gained as i64;
            for end in [&mut sent.from, &mut sent.to] {
                if let Some(outside) = self.outside.filter(|_| *end != server) {
                    *end = SocketAddrV4::new(*outside.ip(), outside.port() + (end.port() - 40000));
                }
            }
        }
        sent
    }

    pub fn ran(&self, more: &[&str]) -> Ran {
        let files = tempfile::tempdir().expect("a folder");
        let names = self.captures().into_iter().zip(["client.pcap", "server.pcap"]).map(|(capture, name)| {
            let path = files.path().join(name);
            std::fs::write(&path, script::pcap(&capture, Encapsulation::Ethernet)).expect("a capture");
            path.display().to_string()
        });
        let names: Vec<String> = names.collect();
        let sides = ["--client-side", &names[0], "--server-side", &names[1]];
        ran(&[&sides[..], more].concat())
    }

    pub fn told(&self) -> Told {
        told(&self.ran(&["--json"]).stdout)
    }
}

/// How a run ended.
pub struct Ran {
    pub status: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

pub fn ran(words: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rstscan"));
    let output = command.args(words).env("LC_ALL", "C.UTF-8").output().expect("the program runs");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    Ran { status: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// What was told, line by line.
#[derive(Debug)]
pub struct Told {
    pub resets: Vec<Value>,
    pub summary: Value,
}

pub fn told(json: &str) -> Told {
    let offences = schema::offences("stdout", json);
    assert!(offences.is_empty(), "{}", offences.join("\n"));
    let lines: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).cloned().collect::<Vec<_>>();
    Told { resets: of("reset"), summary: of("summary").pop().expect("a summary") }
}

impl Told {
    /// The only reset: how it came by, how sure, class and certainty.
    #[track_caller]
    pub fn is(&self, passage: &str, class: &str, certainty: &str) -> &Self {
        let [reset] = &self.resets[..] else { panic!("{} resets: {self:#?}", self.resets.len()) };
        let said = [&reset["points"]["passage"], &reset["class"], &reset["certainty"]]
            .map(|value| value.as_str().unwrap_or("-"));
        assert_eq!(said, [passage, class, certainty], "{reset:#}");
        self
    }

    #[track_caller]
    pub fn sees(&self, point: u64, coverage: &str) -> &Self {
        let sightings = self.resets[0]["points"]["sightings"].as_array().expect("sightings");
        let one = sightings.iter().find(|sighting| sighting["point"] == point).expect("the point");
        assert_eq!(one["coverage"], coverage, "{one:#}");
        self
    }

    #[track_caller]
    pub fn trigger(&self, passage: &str) -> &Self {
        assert_eq!(self.resets[0]["points"]["trigger"], passage, "{:#}", self.resets[0]);
        self
    }

    pub fn shows(&self, fact: &str) -> bool {
        self.resets[0]["evidence"].as_array().expect("evidence").iter().any(|shown| shown["fact"] == fact)
    }

    pub fn says(&self) -> &str {
        self.resets[0]["summary"].as_str().expect("a summary")
    }

    pub fn clock(&self) -> &Value {
        &self.summary["points"]["clocks"][0]
    }
}
