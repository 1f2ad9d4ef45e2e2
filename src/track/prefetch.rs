//! Asks for memory that is needed soon, so that cache misses are at the same time as each other and as other work.
//!
//! The one place of the program with `unsafe`: processors have an instruction for this, which has no safe name in the standard
//! library yet (`core::hint::prefetch_read` is not stable). To read the memory instead gains less than half as much: the
//! processor can go on behind a read that misses for some hundred instructions only, and then waits.
//!
//! What is asked for comes into the second level of the caches. The first one has room for few misses at a time, and where more are
//! asked for than that it forgets the others, which has cost most of the gain where it was tried.
#![expect(unsafe_code, reason = "the instruction has no safe name")]

/// Bytes of a cache line.
const LINE: usize = 64;

/// Asks for the cache line in which `of` begins, if it is anything.
#[inline(always)]
pub fn prefetch<T>(of: Option<&T>) {
    if let Some(of) = of {
        prefetch_at(std::ptr::from_ref(of).cast());
    }
}

/// Asks for all cache lines of `of`.
#[inline(always)]
pub fn prefetch_whole<T>(of: Option<&T>) {
    let Some(of) = of else { return };
    let first: *const u8 = std::ptr::from_ref(of).cast();
    for offset in (0..size_of::<T>()).step_by(LINE) {
        prefetch_at(first.wrapping_add(offset));
    }
    if align_of::<T>() < LINE {
        prefetch_at(first.wrapping_add(size_of::<T>().saturating_sub(1)));
    }
}

#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn prefetch_at(at: *const u8) {
    use std::arch::x86_64::{_MM_HINT_T1, _mm_prefetch};
    // SAFETY: a hint, which reads nothing and faults nowhere, whatever the address; every x86_64 has the instruction (SSE).
    unsafe { _mm_prefetch::<_MM_HINT_T1>(at.cast()) }
}

#[cfg(target_arch = "aarch64")]
#[inline(always)]
fn prefetch_at(at: *const u8) {
    // SAFETY: a hint, which reads nothing and faults nowhere, whatever the address; it changes no register and no flag.
    unsafe { std::arch::asm!("prfm pldl2keep, [{at}]", at = in(reg) at, options(nostack, preserves_flags, readonly)) }
}

/// Elsewhere each miss is waited for where it happens.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
#[inline(always)]
fn prefetch_at(_: *const u8) {}
