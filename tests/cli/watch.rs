//! `--watch` in a real terminal: tmux, where it is installed; and without one.

use std::io::Write;
use std::process::Command;
use std::time::{Duration, Instant};

use super::{hangup, run};

fn sample(name: &str) -> String {
    format!("{}/samples/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A terminal of its own, which goes with the test.
struct Terminal {
    socket: String,
}

impl Terminal {
    /// Runs the program there, and after it what tells of its end; `None` where there is no tmux.
    fn start(name: &str, words: &str) -> Option<Self> {
        let program = env!("CARGO_BIN_EXE_rstscan");
        let echo = "stty -a | tr ' ;' '\\n\\n' | grep -x icanon";
        Self::of(name, &format!("LC_ALL=C.UTF-8 {program} {words}; echo status $?; {echo}; sleep 60"))
    }

    fn of(name: &str, script: &str) -> Option<Self> {
        let terminal = Self { socket: format!("rstscan-test-{name}-{}", std::process::id()) };
        let words = ["-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", script];
        let started = Command::new("tmux").args(["-L", &terminal.socket]).args(words).output();
        if started.is_ok_and(|output| output.status.success()) {
            return Some(terminal);
        }
        let _ = writeln!(std::io::stderr(), "the view in a real terminal skipped: tmux cannot be started");
        None
    }

    fn tmux(&self, words: &[&str]) -> String {
        let output = Command::new("tmux").args(["-L", &self.socket]).args(words).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn keys(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    /// What is on the screen, once that holds this text.
    #[track_caller]
    fn shows(&self, text: &str) -> String {
        let patience = Instant::now() + Duration::from_secs(30);
        loop {
            let screen = self.tmux(&["capture-pane", "-p"]);
            if screen.contains(text) {
                return screen;
            }
            assert!(Instant::now() < patience, "no {text:?} on\n{screen}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends a signal to the program.
    fn signal(&self, name: &str) {
        let shell = self.tmux(&["display-message", "-p", "#{pane_pid}"]);
        let kill = format!("kill -{name} $(ps -o pid= --ppid {} | head -1)", shell.trim());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.tmux(&["kill-server"]);
    }
}

#[test]
fn a_file_is_watched_opened_filtered_and_left() {
    let Some(terminal) = Terminal::start("file", &format!("--watch -r {}", sample("mixed.pcap"))) else { return };
    let screen = terminal.shows("at its end");
    for part in ["RESETS OVER TIME", "CAUSES", "SERVICES", "CLIENTS", "VERDICTS", "lost-state"] {
        assert!(screen.contains(part), "{screen}");
    }
    terminal.keys(&["Enter"]);
    terminal.shows("HALF-OPEN RESPONSE");
    terminal.keys(&["Escape"]);
    terminal.shows("VERDICTS");
    terminal.keys(&["/", "no-listener", "Enter"]);
    assert!(!terminal.shows("only no-listener").contains("lost-state"));
    terminal.tmux(&["resize-window", "-x", "120", "-y", "40"]);
    let screen = terminal.shows("closed-port");
    assert_eq!(screen.lines().count(), 40);
    terminal.keys(&["q"]);
    let screen = terminal.shows("icanon");
    assert!(screen.contains("status 0") && screen.contains("closed-port/no-listener"), "{screen}");
    assert!(!screen.contains("VERDICTS"), "{screen}");
}

#[test]
fn a_signal_gives_the_terminal_back() {
    for signal in ["TERM", hangup(), "INT"] {
        let words = format!("--watch --follow -r {}", sample("mixed.pcap"));
        let Some(terminal) = Terminal::start(signal, &words) else { return };
        terminal.shows("VERDICTS");
        terminal.signal(signal);
        let screen = terminal.shows("icanon");
        assert!(screen.contains("status 0") && !screen.contains("VERDICTS"), "{screen}");
    }
    let words = format!("--watch --follow -r {}", sample("mixed.pcap"));
    let Some(terminal) = Terminal::start("QUIT", &words) else { return };
    terminal.shows("VERDICTS");
    terminal.signal("QUIT");
    assert!(terminal.shows("icanon").contains("status 131"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_terminal_that_is_gone_ends_a_view_that_no_signal_ends() {
    let (program, input) = (env!("CARGO_BIN_EXE_rstscan"), sample("mixed.pcap"));
    let script = format!("trap '' HUP; LC_ALL=C.UTF-8 exec {program} --watch -r {input}");
    let Some(terminal) = Terminal::of("gone", &script) else { return };
    terminal.shows("at its end");
    let process = format!("/proc/{}/status", terminal.tmux(&["display-message", "-p", "#{pane_pid}"]).trim());
    let lives = || std::fs::read_to_string(&process).is_ok_and(|status| !status.contains("State:\tZ"));
    assert!(lives());
    drop(terminal);
    let patience = Instant::now() + Duration::from_secs(30);
    while lives() {
        assert!(Instant::now() < patience, "it goes on without a terminal");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn without_a_terminal_there_is_a_line_a_reset() {
    let input = sample("mixed.pcap");
    assert_eq!(run(&["--watch", "-r", &input]).done().stdout, run(&["-q", "-r", &input]).stdout);
    let ended = run(&["--watch", "--json", "-r", &input]);
    ended.done();
    assert!(ended.stdout.starts_with("{\"type\":\"reset\""), "{ended:#?}");
}

#[test]
fn a_view_leaves_no_room_for_another_output() {
    let Some(terminal) = Terminal::start("json", &format!("--watch --json -r {}", sample("mixed.pcap"))) else {
        return;
    };
    assert!(terminal.shows("icanon").contains("status 2"));
}
