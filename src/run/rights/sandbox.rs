//! What binds every user: no rights by programs, few files, few system calls.

use rustix::thread::set_no_new_privs;

use super::needs::Needs;
use super::paths;

/// Confines this thread and those begun later to what is needed, as far as the kernel knows how to and may: a container or
/// a kernel may lack any of it, which is told in words.
pub(super) fn enter(needs: &Needs) -> Vec<String> {
    let no_new_privs = set_no_new_privs(true).map(|()| true).map_err(Into::into);
    let layers = [("no_new_privs", no_new_privs), ("Landlock", paths::confine(needs)), ("seccomp", calls(needs))];
    let lacking = layers.into_iter().filter_map(|(layer, outcome)| match outcome {
        Ok(true) => None,
        Ok(false) => Some(format!("no {layer} on this system")),
        Err(error) => Some(format!("no {layer}: {error}")),
    });
    lacking.collect()
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
use super::calls::confine as calls;

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")))]
fn calls(_: &Needs) -> std::io::Result<bool> {
    Ok(false)
}
