//! What stands in for the view in a program that is built without it: nothing, as the command line refuses to ask for it.

use std::io;

use crate::analyzer::{Finding, Level};
use crate::frame::Timestamp;
use crate::report::{Context, Style};

/// There is none.
pub(super) enum Watch {}

/// What a key asks of the run.
#[derive(PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing.
    #[allow(dead_code, reason = "only a view that is there answers")]
    GoOn,
    /// An end.
    Quit,
}

impl Watch {
    pub(super) fn start(_: &Context, _: &Style) -> io::Result<Self> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub(super) fn see(&mut self, _: &Finding) {
        match *self {}
    }

    pub(super) fn is_due(&self) -> bool {
        match *self {}
    }

    pub(super) fn turn(&mut self, _: &Context, _: (&Level, Option<Timestamp>)) -> io::Result<Wish> {
        match *self {}
    }

    pub(super) fn lose(&mut self, _: u64) {
        match *self {}
    }

    pub(super) fn tell(&mut self, _: String) {
        match *self {}
    }

    pub(super) fn stay(&mut self, _: &Context, _: impl Fn() -> bool) -> io::Result<()> {
        match *self {}
    }
}
