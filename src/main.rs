//! The program: arguments, run, exit code.

use std::io::Write;
use std::process::ExitCode;

use rstscan::cli::Config;
use rstscan::run::run;

fn main() -> ExitCode {
    let config = match Config::from_env() {
        Ok(config) => config,
        Err(usage) => usage.exit(),
    };
    run(config).unwrap_or_else(|error| {
        // Not eprintln!, which panics where standard error is closed.
        let _ = std::io::stderr().write_all(format!("rstscan: {error:#}\n").as_bytes());
        ExitCode::FAILURE
    })
}
