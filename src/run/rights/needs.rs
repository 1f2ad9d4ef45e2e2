//! What a run does yet once it is set up.

use std::path::{Path, PathBuf};

use super::Run;
use crate::cli::{Config, FilterText, Input, Writing};
use crate::source::may_name;

/// What has to stay possible; nothing by default.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Needs {
    /// What is opened to be read, by its own name.
    pub(super) reads: Vec<PathBuf>,
    /// Folders whose files are read.
    pub(super) finds: Vec<PathBuf>,
    /// Folders in which files are made, and devices that are written to.
    pub(super) makes: Vec<PathBuf>,
    /// Folders with folders that are removed, and in which files are written to before.
    pub(super) removes: Vec<PathBuf>,
    /// Asks the system's resolver.
    pub(super) names: bool,
    /// Asks what `/proc` knows of processes, and which addresses the host has.
    pub(super) kernel: bool,
    /// Takes the terminal, and gives it back.
    pub(super) terminal: bool,
    /// Hands open files over to another process.
    pub(super) monitors: bool,
}

impl Needs {
    /// Of a run over these files, which are opened when their time comes.
    pub(super) fn of_files(config: &Config, files: &[PathBuf]) -> Self {
        let finds = match &config.input {
            // Another file may take its name, and where it is a link, that of the file it leads to.
            Input::Followed(file) => {
                [Some(file.clone()), file.canonicalize().ok()].iter().flatten().map(|file| folder_of(file)).collect()
            }
            _ => Vec::new(),
        };
        // A filter is compiled for each kind of link that comes.
        let text = config.filter.as_ref().map(|filter| match filter {
            FilterText::Words(words) => may_name(words),
            FilterText::File(_) => true,
        });
        let names = config.names || text.unwrap_or(false);
        Self {
            reads: files.to_vec(),
            finds,
            makes: made(config),
            names,
            terminal: config.agent.watch,
            ..Self::default()
        }
    }

    /// Of a capture whose filter is compiled; what takes root's rights the monitor does, if there is one.
    pub(super) fn of_live(config: &Config, run: &Run) -> Self {
        // libpcap adds up there what an interface has dropped.
        let counts = |name| Path::new("/sys/class/net").join(name).join("statistics");
        let needs = Self {
            finds: run.context.inputs.iter().map(counts).collect(),
            names: config.names,
            kernel: run.kernel.is_some(),
            terminal: config.agent.watch,
            ..Self::default()
        };
        if run.monitor.is_some() {
            return needs;
        }
        let instance = run.kernel.as_ref().and_then(|kernel| kernel.instance());
        Self { makes: made(config), removes: instance.map(folder_of).into_iter().collect(), ..needs }
    }

    /// Of the process that makes files for a capture, and removes a folder.
    pub(super) fn of_monitor(config: &Config, instance: Option<&Path>) -> Self {
        Self {
            makes: made(config),
            removes: instance.map(folder_of).into_iter().collect(),
            monitors: true,
            ..Self::default()
        }
    }

    /// Whether files are made, or folders removed.
    pub(super) fn makes_files(&self) -> bool {
        !self.makes.is_empty() || !self.removes.is_empty()
    }
}

/// Where a run makes files.
fn made(config: &Config) -> Vec<PathBuf> {
    let output = config.reopens().map(|file| match file.exists() && !file.is_file() {
        true => file.to_owned(),
        false => folder_of(file),
    });
    let left = match &config.input {
        Input::Chain(chain) => chain.after.as_deref().map(folder_of),
        _ => None,
    };
    config.writing.iter().filter_map(made_in).chain(output).chain(left).collect()
}

/// Where files of a capture are made, whatever the time makes of their name.
fn made_in(writing: &Writing) -> Option<PathBuf> {
    let mut folder = folder_of(&writing.file);
    while writing.seconds.is_some() && folder.to_string_lossy().contains('%') {
        folder = folder_of(&folder);
    }
    writing.makes_files().then_some(folder)
}

fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
        _ => PathBuf::from("."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_whose_names_depend_on_the_time_are_made_elsewhere() {
        let folder = |file: &str, seconds| made_in(&Writing { seconds, ..Writing::to(file.into()) });
        assert_eq!(folder("-", None), None);
        assert_eq!(folder("c.pcapng", None), Some(".".into()));
        assert_eq!(folder("/a/%Y/c", None), Some("/a/%Y".into()));
        assert_eq!(folder("/a/%Y/%m/c", Some(60)), Some("/a".into()));
        assert_eq!(folder("%Y/c", Some(60)), Some(".".into()));
    }
}
