//! What binds every user: no rights by programs, few files, few system calls.

use std::io;

use rustix::thread::set_no_new_privs;

use super::needs::Needs;
use super::paths;

/// Confines this thread and those begun later to what is needed, as far as the kernel knows how to.
///
/// # Errors
///
/// The kernel knows how to, and refuses.
pub(super) fn enter(needs: &Needs) -> io::Result<()> {
    set_no_new_privs(true)?;
    paths::confine(needs)?;
    #[cfg(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64"))]
    super::calls::confine(needs)?;
    Ok(())
}
