//! The component's memory, handed out in one direction: what is given back is used again only if it was the last piece,
//! because the whole instance goes when the render is done.
//!
//! The first pieces come out of an arena that every instance begins with. Asking for more memory costs the host two calls
//! of its kernel, which take as long as a third of a small render.
#![allow(unsafe_code, reason = "an allocator deals in addresses")]

use std::alloc::{GlobalAlloc, Layout};
use std::arch::wasm32::memory_grow;
use std::ptr;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

/// What a server of medium size needs. Together with the stack and the constants this makes an instance begin with 256 KiB:
/// a small server needs no more.
const ARENA: usize = 96 << 10;
static mut MEMORY: [u8; ARENA] = [0; ARENA];

/// The unit in which there is more, and how many of them are asked for at once.
const PAGE: usize = 64 << 10;
const PAGES: usize = 4;

#[global_allocator]
static ALLOCATOR: Allocator = Allocator { next: AtomicUsize::new(0), end: AtomicUsize::new(0) };

/// The free memory is from `next` to `end`. There is one thread; atomics are how a `static` may change.
struct Allocator {
    next: AtomicUsize,
    end: AtomicUsize,
}

impl Allocator {
    /// Where the next piece begins, if it fits.
    fn fitting(&self, layout: Layout) -> Option<usize> {
        let start = (self.next.load(Relaxed) + layout.align() - 1) & !(layout.align() - 1);
        (self.end.load(Relaxed).saturating_sub(start) >= layout.size()).then_some(start)
    }

    #[cold]
    fn make_room(&self, layout: Layout) -> Option<usize> {
        if self.end.load(Relaxed) == 0 {
            self.add(&raw mut MEMORY as usize, ARENA);
        } else {
            let needed = (layout.size() + layout.align()).div_ceil(PAGE);
            let more = |pages| Some((memory_grow::<0>(pages), pages)).filter(|(before, _)| *before != usize::MAX);
            let (before, pages) = more(needed.max(PAGES)).or_else(|| more(needed))?;
            self.add(before * PAGE, pages * PAGE);
        }
        self.fitting(layout).or_else(|| self.make_room(layout))
    }

    /// Goes on in these bytes.
    fn add(&self, start: usize, bytes: usize) {
        if start != self.end.load(Relaxed) {
            self.next.store(start, Relaxed);
        }
        self.end.store(start + bytes, Relaxed);
    }

    /// Whether this is the piece that was handed out last.
    fn is_last(&self, start: *mut u8, layout: Layout) -> bool {
        start as usize + layout.size() == self.next.load(Relaxed)
    }
}

// SAFETY: a piece begins where it is aligned, behind all that was handed out before, and ends within memory that is ours
// alone: the arena, or pages that were added.
//
// Inlined, the calls would make the component larger by a tenth, and no faster.
unsafe impl GlobalAlloc for Allocator {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(start) = self.fitting(layout).or_else(|| self.make_room(layout)) else { return ptr::null_mut() };
        self.next.store(start + layout.size(), Relaxed);
        start as *mut u8
    }

    #[inline(never)]
    unsafe fn dealloc(&self, start: *mut u8, layout: Layout) {
        if self.is_last(start, layout) {
            self.next.store(start as usize, Relaxed);
        }
    }

    /// In place where that is possible: texts grow a lot.
    #[inline(never)]
    unsafe fn realloc(&self, start: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if self.is_last(start, layout) && size <= self.end.load(Relaxed) - start as usize {
            self.next.store(start as usize + size, Relaxed);
            return start;
        }
        // SAFETY: what the caller promises of `realloc` makes this a layout, and `start` a piece with the old one.
        unsafe {
            let moved = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
            if !moved.is_null() {
                ptr::copy_nonoverlapping(start, moved, size.min(layout.size()));
            }
            moved
        }
    }
}
