//! What stands in for metrics in a program that is built without them: nothing, as the command line refuses to ask for them.

use std::net::SocketAddr;

use super::agent::Beside;
use crate::analyzer::{Finding, Level};
use crate::source::Drops;

/// There are none.
pub(super) enum Metrics {}

impl Metrics {
    pub(super) fn listen(_: SocketAddr) -> anyhow::Result<Self> {
        anyhow::bail!("built without metrics")
    }

    pub(super) fn serve(&mut self) -> std::io::Result<()> {
        match *self {}
    }

    pub(super) fn address(&self) -> SocketAddr {
        match *self {}
    }

    pub(super) fn see(&self, _: &Finding) {
        match *self {}
    }

    pub(super) fn publish(&self, _: &Level, _: Beside) {
        match *self {}
    }

    pub(super) fn publish_drops(&self, _: Drops) {
        match *self {}
    }
}
