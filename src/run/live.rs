//! A run over interfaces.

use std::process::ExitCode;

use super::inputs::Inputs;
use super::kernel::Asked;
use super::told::with_remedy;
use super::{Halt, Run, tell};
use crate::cli::Config;
use crate::report::Context;
use crate::source::{Live, LiveOptions, SourceError, interface_name};

/// A frame on one interface is at hand within this time: the kernel's block timeout and some more. Where there are several it
/// also waits until the others cannot have an earlier one.
const LAG_NS: i64 = 250_000_000;

/// How long a frame is under way from so many interfaces, at most, if the analysis keeps up.
pub(super) fn lag_ns(interfaces: usize) -> i64 {
    if interfaces > 1 { 2 * LAG_NS } else { LAG_NS }
}

/// The same options with the names of interfaces that were given by number. One that is given twice is captured once.
pub(super) fn named(options: &LiveOptions) -> Result<LiveOptions, SourceError> {
    let mut interfaces: Vec<String> = Vec::new();
    for typed in &options.interfaces {
        let name = interface_name(typed)?;
        if !interfaces.contains(&name) {
            interfaces.push(name);
        }
    }
    Ok(LiveOptions { interfaces, ..options.clone() })
}

/// Captures until the end.
pub(super) fn run(config: &Config, options: &LiveOptions) -> anyhow::Result<ExitCode> {
    let context = Context { inputs: options.interfaces.clone(), live: true, ..Context::default() };
    let mut run = Run::new(config, context)?;
    run.write_to(config, &[])?;
    run.kernel = config.kernel.then(|| Asked::start(config.settle_ns)).flatten();
    run.live(config, options)
}

impl Run {
    fn live(mut self, config: &Config, options: &LiveOptions) -> anyhow::Result<ExitCode> {
        let outgoing = self.prepare_to_shed(config)?;
        let mut live = Live::open(options, self.signals.wake()?).map_err(with_remedy)?;
        self.shed(&outgoing, config)?;
        self.keep_originals(&mut live);
        self.counts = Some(live.counts());
        let pumped = self.pump(&mut live);
        let drops = live.close();
        while let Some(loss) = live.lost() {
            self.analyzer.lose(&loss);
        }
        match pumped {
            Ok(()) => {}
            Err(Halt::Source(error)) => {
                self.failed = true;
                tell(format_args!("rstscan: {}: {error}", live.name()));
            }
            Err(halt) => return self.give_up(halt, Some(drops)),
        }
        self.finish(Some(drops))
    }
}

/// What is said of an interface before and after its link type.
pub(super) fn greeting(live: &Live) -> (String, String) {
    let LiveOptions { snap_len, buffer_kib, .. } = live.options();
    let buffer = f64::from(*buffer_kib) / 1024.0;
    let after = format!(", snapshot length {snap_len} bytes, buffer {buffer} MiB");
    (format!("listening on {}", live.interface()), after)
}
