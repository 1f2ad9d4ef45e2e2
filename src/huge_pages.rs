//! The program's memory: large pieces come in huge pages.
//!
//! The only unsafe code. Tables of many connections are read all over, and with pages of 4 KiB each such read misses the
//! processor's cache of addresses too, and each page costs a fault when it is first written. Linux gives pages of 2 MiB
//! where a program asks for them (`transparent_hugepage/enabled` is `madvise` or `always`); the standard library has no
//! way to ask.

use std::alloc::{GlobalAlloc, Layout, System};

/// The system's allocator, which asks for huge pages for all that fills at least two.
pub struct HugePages;

/// A huge page of x86-64, and of 64-bit ARM with the usual base pages.
const PAGE: usize = 2 << 20;

/// Asks for huge pages for those that lie whole within a piece of memory.
fn advise(piece: *mut u8, size: usize) {
    if size < 2 * PAGE || piece.is_null() {
        return;
    }
    let before = piece.align_offset(PAGE);
    let whole = size.saturating_sub(before) / PAGE * PAGE;
    #[cfg(target_os = "linux")]
    // SAFETY: these pages belong to the allocator's caller alone, and the advice changes neither what is in them nor whether
    // they are there. It may fail, which leaves all as it is.
    let _ = unsafe { rustix::mm::madvise(piece.wrapping_add(before).cast(), whole, rustix::mm::Advice::LinuxHugepage) };
}

// SAFETY: every piece comes from `System` and goes back to it, with the arguments of the caller.
unsafe impl GlobalAlloc for HugePages {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let piece = unsafe { System.alloc(layout) };
        advise(piece, layout.size());
        piece
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let piece = unsafe { System.alloc_zeroed(layout) };
        advise(piece, layout.size());
        piece
    }

    unsafe fn realloc(&self, piece: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let piece = unsafe { System.realloc(piece, layout, size) };
        advise(piece, size);
        piece
    }

    unsafe fn dealloc(&self, piece: *mut u8, layout: Layout) {
        unsafe { System.dealloc(piece, layout) }
    }
}
