//! What stands in for libpcap in a build without it: the same face, and an error that says so.

use std::convert::Infallible;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::{Beside, Description, Drops, LiveOptions, Next, Original, Originals, Source, SourceError};
use crate::frame::{Frame, LinkType, Loss};

/// A filter, which this build cannot compile.
#[derive(Debug)]
pub struct Filter(());

impl Filter {
    /// A filter; preparing it will fail.
    pub fn new(_: impl Into<String>) -> Self {
        Self(())
    }

    /// Fails.
    ///
    /// # Errors
    ///
    /// [`SourceError::WithoutLive`], always.
    pub fn prepare(&mut self, _: LinkType) -> Result<(), SourceError> {
        Err(SourceError::WithoutLive)
    }

    /// Lets nothing through.
    pub fn matches(&self, _: &Frame<'_>) -> bool {
        false
    }
}

/// A live capture, of which this build has none.
#[derive(Debug)]
pub struct Live(Infallible);

impl Live {
    /// Fails.
    ///
    /// # Errors
    ///
    /// [`SourceError::WithoutLive`], always.
    pub fn open(_: &LiveOptions, _: OwnedFd) -> Result<Self, SourceError> {
        Err(SourceError::WithoutLive)
    }

    /// There is no capture to count.
    pub fn counts(&self) -> Arc<LiveCounts> {
        match self.0 {}
    }

    /// There is no capture to end.
    pub fn close(&mut self) -> Drops {
        match self.0 {}
    }

    /// There is no interface.
    pub fn interface(&self) -> &str {
        match self.0 {}
    }

    /// There are no options.
    pub fn options(&self) -> &LiveOptions {
        match self.0 {}
    }

    /// There is nothing to open.
    pub fn is_opened(&mut self) -> bool {
        match self.0 {}
    }

    /// There is nothing to lose.
    pub fn lost(&mut self) -> Option<Loss> {
        match self.0 {}
    }
}

/// Counters of a live capture, of which this build has none.
#[derive(Debug)]
pub struct LiveCounts(Infallible);

impl LiveCounts {
    /// There is nothing to count.
    pub fn drops(&self) -> Drops {
        match self.0 {}
    }

    /// There is no queue.
    pub fn queued(&self) -> u64 {
        match self.0 {}
    }
}

impl Source for Live {
    fn next(&mut self) -> Result<Next<'_>, SourceError> {
        match self.0 {}
    }

    fn stop(&mut self) {
        match self.0 {}
    }
}

impl Originals for Live {
    fn keep_originals(&mut self) {
        match self.0 {}
    }

    fn original(&self) -> Option<Original<'_>> {
        match self.0 {}
    }

    fn description(&self) -> Option<Description> {
        match self.0 {}
    }

    fn beside(&mut self) -> Vec<Beside> {
        match self.0 {}
    }
}

/// Fails.
///
/// # Errors
///
/// [`SourceError::WithoutLive`], always.
pub fn interface_name(_: &str) -> Result<String, SourceError> {
    Err(SourceError::WithoutLive)
}

/// Fails.
///
/// # Errors
///
/// [`SourceError::WithoutLive`], always.
pub fn interfaces() -> Result<String, SourceError> {
    Err(SourceError::WithoutLive)
}

/// Fails.
///
/// # Errors
///
/// [`SourceError::WithoutLive`], always.
pub fn link_types(_: &LiveOptions) -> Result<String, SourceError> {
    Err(SourceError::WithoutLive)
}

/// Fails.
///
/// # Errors
///
/// [`SourceError::WithoutLive`], always.
pub fn interface_names() -> Result<Vec<(String, Option<String>)>, SourceError> {
    Err(SourceError::WithoutLive)
}
