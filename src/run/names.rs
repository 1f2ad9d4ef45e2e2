//! `--names`: asks what hosts and services are called, on threads of its own, and holds findings back until it is known or
//! too late. Nothing else ever waits, and a live capture not even at the end of a full queue.
//!
//! Each address is asked for once while its answer, also the lack of one, is remembered: resets of connections to the name
//! server itself cannot make it ask without end.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, TrySendError, channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use crate::analyzer::Finding;
use crate::report::Names;

/// Knows names. Asking may take many seconds.
pub(super) trait Resolver: Send + Sync + 'static {
    /// What a host is called.
    fn host(&self, host: IpAddr) -> Option<String>;
    /// What the service at a TCP port is called.
    fn service(&self, port: u16) -> Option<String>;
}

/// The system's own resolver: `/etc/hosts`, DNS and `/etc/services`, as `nsswitch.conf` says.
pub(super) struct System;

impl Resolver for System {
    fn host(&self, host: IpAddr) -> Option<String> {
        dns_lookup::lookup_addr(&host).ok()
    }

    fn service(&self, port: u16) -> Option<String> {
        let any = (IpAddr::from([0, 0, 0, 0]), port).into();
        dns_lookup::getnameinfo(&any, libc::NI_NUMERICHOST).ok().map(|(_, service)| service)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Question {
    Host(IpAddr),
    Service(u16),
}

/// A question with its answer.
type Answer = (Question, Option<String>);

/// What the threads begin with.
struct Threads {
    resolver: Arc<dyn Resolver>,
    questions: Arc<Mutex<Receiver<Question>>>,
    tell: Sender<Answer>,
}

/// Findings that wait for names.
pub(super) struct Naming {
    /// Not begun before the first finding: a run gives up its rights before, which each thread has for itself.
    threads: Option<Threads>,
    ask: SyncSender<Question>,
    answers: Receiver<Answer>,
    /// What was asked, and whether it was answered.
    asked: HashMap<Question, bool>,
    waiting: VecDeque<(Finding, Instant)>,
    /// How much longer the run may stand still for names, in all.
    budget: Duration,
}

impl Threads {
    /// Begins so many. They are not waited for: what hangs ends with the process. Without threads nothing is answered.
    fn begin(self, count: usize) {
        for _ in 0..count {
            let (resolver, questions, tell) =
                (Arc::clone(&self.resolver), Arc::clone(&self.questions), self.tell.clone());
            let _ =
                thread::Builder::new().name("names".to_owned()).spawn(move || answer(&*resolver, &questions, &tell));
        }
    }
}

impl Naming {
    /// So many questions are asked at the same time.
    const THREADS: usize = 8;
    /// So many questions wait to be asked; what finds no room stays a number.
    const QUESTIONS_MAX: usize = 1 << 12;
    /// So many names, and names that are not, are remembered.
    const ASKED_MAX: usize = 1 << 14;
    /// So many findings wait.
    const WAITING_MAX: usize = 1 << 12;
    /// A finding waits for this long.
    const PATIENCE: Duration = Duration::from_secs(1);
    /// The run stands still for this long, in all.
    pub(super) const BUDGET: Duration = Duration::from_secs(2);

    /// Asks `resolver`.
    pub(super) fn new(resolver: impl Resolver) -> Self {
        let (ask, questions) = sync_channel(Self::QUESTIONS_MAX);
        let (tell, answers) = channel();
        let threads = Threads { resolver: Arc::new(resolver), questions: Arc::new(Mutex::new(questions)), tell };
        Self {
            threads: Some(threads),
            ask,
            answers,
            asked: HashMap::new(),
            waiting: VecDeque::new(),
            budget: Self::BUDGET,
        }
    }

    /// Takes a finding, and asks for its names.
    pub(super) fn hold(&mut self, finding: Finding, names: &mut Names) {
        if let Some(threads) = self.threads.take() {
            threads.begin(Self::THREADS);
        }
        if self.asked.len() > Self::ASKED_MAX {
            self.asked.clear();
            names.clear();
        }
        for question in questions(&finding) {
            if !self.asked.contains_key(&question) {
                match self.ask.try_send(question) {
                    Ok(()) => drop(self.asked.insert(question, false)),
                    Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {}
                }
            }
        }
        self.waiting.push_back((finding, Instant::now()));
    }

    /// The next finding that waits no longer. Where too many wait, the run may stand still a little, unless it is `live`.
    pub(super) fn next(&mut self, names: &mut Names, live: bool) -> Option<Finding> {
        self.hear(names);
        let (finding, since) = self.waiting.front()?;
        let crowded = self.waiting.len() > Self::WAITING_MAX;
        if self.is_answered(finding) || since.elapsed() >= Self::PATIENCE {
            return self.waiting.pop_front().map(|(finding, _)| finding);
        }
        if crowded && !live {
            self.wait(names);
        }
        if crowded { self.waiting.pop_front().map(|(finding, _)| finding) } else { None }
    }

    /// The next finding at the end of a run, which stands still for names as long as it may.
    pub(super) fn last(&mut self, names: &mut Names) -> Option<Finding> {
        self.hear(names);
        self.wait(names);
        self.waiting.pop_front().map(|(finding, _)| finding)
    }

    /// Waits until the first finding has its names, or the time for that is over.
    fn wait(&mut self, names: &mut Names) {
        let begun = Instant::now();
        while self.waiting.front().is_some_and(|(finding, _)| !self.is_answered(finding)) {
            let left = self.budget.saturating_sub(begun.elapsed());
            match self.answers.recv_timeout(left) {
                Ok(answer) => self.learn(answer, names),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        self.budget = self.budget.saturating_sub(begun.elapsed());
    }

    fn hear(&mut self, names: &mut Names) {
        while let Ok(answer) = self.answers.try_recv() {
            self.learn(answer, names);
        }
    }

    fn learn(&mut self, (question, name): Answer, names: &mut Names) {
        // Asked before all was forgotten: nothing waits for it.
        let Some(answered) = self.asked.get_mut(&question) else { return };
        *answered = true;
        match (question, name) {
            (Question::Host(host), Some(name)) => names.add_host(host, &name),
            (Question::Service(port), Some(name)) => names.add_service(port, &name),
            (_, None) => {}
        }
    }

    /// Whether nothing more will be known of a finding's ends.
    fn is_answered(&self, finding: &Finding) -> bool {
        questions(finding).iter().all(|question| self.asked.get(question).copied().unwrap_or(true))
    }
}

fn questions(finding: &Finding) -> [Question; 3] {
    let tuple = &finding.connection.tuple;
    [Question::Service(tuple.dst.port()), Question::Host(tuple.dst.ip()), Question::Host(tuple.src.ip())]
}

/// Answers questions until nobody asks or hears any more.
fn answer(resolver: &dyn Resolver, questions: &Mutex<Receiver<Question>>, tell: &Sender<Answer>) {
    loop {
        let question = match questions.lock() {
            Ok(questions) => questions.recv(),
            Err(_) => return,
        };
        let Ok(question) = question else { return };
        let name = match question {
            Question::Host(host) => resolver.host(host),
            Question::Service(port) => resolver.service(port),
        };
        if tell.send((question, name)).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::report::Names;

    /// Knows a name, and has none where the last byte is odd; asked for `.66`, it never answers.
    #[derive(Clone, Default)]
    struct Fake(Arc<AtomicUsize>);

    impl Resolver for Fake {
        fn host(&self, host: IpAddr) -> Option<String> {
            self.0.fetch_add(1, Ordering::Relaxed);
            let IpAddr::V4(host) = host else { return None };
            while host.octets()[3] == 66 {
                thread::park();
            }
            (host.octets()[3] % 2 == 0).then(|| format!("host-{}.example", host.octets()[3]))
        }

        fn service(&self, port: u16) -> Option<String> {
            (port == 80).then(|| "http".to_owned())
        }
    }

    /// Findings of the half-open sample, whose client is 192.0.2.`client`.
    fn findings(clients: &[u8]) -> Vec<Finding> {
        let sample = crate::open(concat!(env!("CARGO_MANIFEST_DIR"), "/samples/half-open.pcap")).unwrap();
        let first = sample.map(Result::unwrap).next().unwrap();
        let with = |client: u8| {
            let mut finding = first.clone();
            finding.connection.tuple.src = ([192, 0, 2, client], 40_000).into();
            finding.connection.tuple.dst = ([192, 0, 2, 2], 80).into();
            finding.reset.tuple = finding.connection.tuple.reversed();
            finding
        };
        clients.iter().map(|client| with(*client)).collect()
    }

    fn clients(naming: &mut Naming, names: &mut Names) -> Vec<u8> {
        let mut clients = Vec::new();
        while let Some(finding) = naming.last(names) {
            let IpAddr::V4(client) = finding.connection.tuple.src.ip() else { panic!("IPv4 only") };
            clients.push(client.octets()[3]);
        }
        clients
    }

    #[test]
    fn at_the_end_findings_come_in_their_order_with_their_names() {
        let (mut naming, mut names) = (Naming::new(Fake::default()), Names::default());
        naming.budget = Duration::from_secs(60);
        findings(&[4, 5, 6]).into_iter().for_each(|finding| naming.hold(finding, &mut names));
        assert_eq!(clients(&mut naming, &mut names), [4, 5, 6]);
        let sentence = |client| names.sentence(&findings(&[client])[0]).unwrap();
        assert_eq!(sentence(4), "192.0.2.2 is host-2.example, 192.0.2.4 is host-4.example, port 80 is http");
        assert_eq!(sentence(5), "192.0.2.2 is host-2.example, port 80 is http");
    }

    /// So no traffic of the resolver's own can make it ask without end.
    #[test]
    fn each_address_is_asked_for_once() {
        let (fake, mut names) = (Fake::default(), Names::default());
        let mut naming = Naming::new(fake.clone());
        naming.budget = Duration::from_secs(60);
        for _ in 0..100 {
            findings(&[4, 5]).into_iter().for_each(|finding| naming.hold(finding, &mut names));
            clients(&mut naming, &mut names);
        }
        assert_eq!(fake.0.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn what_is_never_answered_stays_a_number_and_holds_nothing_up_for_long() {
        let (mut naming, mut names) = (Naming::new(Fake::default()), Names::default());
        naming.budget = Duration::from_millis(20);
        findings(&[66, 4, 66]).into_iter().for_each(|finding| naming.hold(finding, &mut names));
        assert_eq!(clients(&mut naming, &mut names), [66, 4, 66]);
        assert_eq!((naming.budget, names.host([192, 0, 2, 66].into())), (Duration::ZERO, None));
    }

    #[test]
    fn a_live_capture_does_not_stand_still_where_too_many_wait() {
        let (mut naming, mut names) = (Naming::new(Fake::default()), Names::default());
        let finding = findings(&[66]).remove(0);
        (0..=Naming::WAITING_MAX).for_each(|_| naming.hold(finding.clone(), &mut names));
        assert!(naming.next(&mut names, true).is_some(), "one too many");
        assert_eq!(naming.budget, Naming::BUDGET);
    }

    #[test]
    fn what_is_remembered_and_what_waits_to_be_asked_is_bounded() {
        let (mut naming, mut names) = (Naming::new(Fake::default()), Names::default());
        let mut finding = findings(&[4]).remove(0);
        for n in 0..100_000_u32 {
            finding.connection.tuple.src.set_ip(IpAddr::from((0x0a00_0000 + n).to_be_bytes()));
            naming.hold(finding.clone(), &mut names);
            naming.waiting.clear();
            naming.hear(&mut names);
            assert!(naming.asked.len() <= Naming::ASKED_MAX + 3);
        }
    }

    #[test]
    fn the_system_knows_this_host_and_the_services_in_its_file() {
        if std::fs::read_to_string("/etc/services").is_ok_and(|text| text.contains("ssh\t")) {
            assert_eq!(System.service(22).as_deref(), Some("ssh"));
        }
        if std::fs::read_to_string("/etc/hosts")
            .is_ok_and(|text| text.lines().any(|line| line == "127.0.0.1\tlocalhost"))
        {
            assert_eq!(System.host([127, 0, 0, 1].into()).as_deref(), Some("localhost"));
        }
    }
}
