//! The allocator and the panic handler of a gate without std: a kilobyte where dlmalloc and std's panic
//! machinery take thirty.
//!
//! Small blocks are powers of two, larger ones whole pages. A freed block goes on the list of its size, and the newest
//! block grows in place, which is what the request's buffer does. Memory never goes back to the host: a gate answers
//! once and ends.
//!
//! The first blocks lie in memory that the module declares, so that a usual call never asks for more: growing takes the
//! host a change to its address space, which every other call in the same process waits for, and another to undo it.

use core::{
    alloc::{GlobalAlloc, Layout},
    arch::wasm32,
    cell::UnsafeCell,
    panic::PanicInfo,
    ptr,
};

/// A wasm page in bytes.
const PAGE: usize = 64 << 10;
/// What the module declares, in bytes: enough for a request of some tens of kilobytes. Costs nothing until it is touched.
const FIRST: usize = 256 << 10;
/// The smallest block, and what every block is aligned to.
const LEAST: usize = 16;

// Without std nobody else asks for libc, and with it for `_start`, memcpy and memcmp.
#[link(name = "c")]
unsafe extern "C" {}

#[panic_handler]
fn panic(_: &PanicInfo<'_>) -> ! {
    wasm32::unreachable()
}

#[global_allocator]
static HEAP: Heap = Heap(UnsafeCell::new(State { top: 0, end: 0, free: [ptr::null_mut(); 32] }));

/// Zeros, so they take no room in the module.
static DECLARED: Declared = Declared(UnsafeCell::new([0; FIRST]));

struct Heap(UnsafeCell<State>);

#[repr(align(16))]
struct Declared(UnsafeCell<[u8; FIRST]>);

// SAFETY: a gate is a wasm module without threads.
unsafe impl Sync for Declared {}

// SAFETY: a gate is a wasm module without threads.
unsafe impl Sync for Heap {}

struct State {
    /// Where the next new block starts.
    top: usize,
    /// The end of the memory that is ours; 0 until the first block.
    end: usize,
    /// Freed blocks of at least 2^i and less than 2^(i + 1) bytes.
    free: [*mut Freed; 32],
}

/// What a freed block holds.
struct Freed {
    next: *mut Freed,
    size: usize,
}

/// The size of the block that holds `layout`: a power of two up to a page, else pages, because a buffer that doubles
/// is seldom a power of two and would waste half of one.
fn block_size(layout: Layout) -> Option<usize> {
    match layout.size() {
        small @ ..=PAGE => Some(small.max(LEAST).next_power_of_two()),
        large => large.checked_next_multiple_of(PAGE),
    }
}

impl State {
    /// Makes the memory up to `past` ours, if it is not. False when the host refuses, or when the new pages do not
    /// follow the old ones because someone else grew the memory; new blocks then start on them.
    fn extend_to(&mut self, past: usize) -> bool {
        if past <= self.end {
            return true;
        }
        let pages = (past - self.end).div_ceil(PAGE);
        let before = wasm32::memory_grow(0, pages);
        if before == usize::MAX {
            return false;
        }
        let fresh = before * PAGE;
        let follows = fresh == self.end;
        if !follows {
            self.top = fresh;
        }
        self.end = fresh.saturating_add(pages * PAGE);
        follows
    }

    /// The newest freed block of this size, or of one that is surely as large.
    fn freed_block(&mut self, size: usize) -> Option<*mut u8> {
        let list = size.ilog2() as usize;
        for head in self.free.get_mut(list..list + 2)? {
            // SAFETY: what is on a list is a freed block that `dealloc` wrote.
            if let Some(freed) = unsafe { head.as_ref() }.filter(|freed| freed.size >= size) {
                return Some(core::mem::replace(head, freed.next).cast());
            }
        }
        None
    }

    fn new_block(&mut self, size: usize, align: usize) -> Option<*mut u8> {
        if self.end == 0 {
            self.top = DECLARED.0.get() as usize;
            self.end = self.top + FIRST;
        }
        // Twice, because the first pages that the host gives do not follow what was declared.
        for _ in 0..2 {
            let start = self.top.checked_next_multiple_of(align.max(LEAST))?;
            let past = start.checked_add(size)?;
            if self.extend_to(past) {
                self.top = past;
                return Some(start as *mut u8);
            }
        }
        None
    }
}

// SAFETY: blocks come from what was declared for this allocator and from pages that `memory.grow` gave to it, are handed out once until they are freed,
// and are at least as large and as aligned as the layout asks.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: no threads, and nothing below calls back into the allocator.
        let state = unsafe { &mut *self.0.get() };
        let Some(size) = block_size(layout) else { return ptr::null_mut() };
        if layout.align() <= LEAST
            && let Some(block) = state.freed_block(size)
        {
            return block;
        }
        state.new_block(size, layout.align()).unwrap_or(ptr::null_mut())
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`.
        let state = unsafe { &mut *self.0.get() };
        let Some(size) = block_size(layout) else { return };
        if let Some(head) = state.free.get_mut(size.ilog2() as usize) {
            let freed = block.cast::<Freed>();
            // SAFETY: the block is at least 16 bytes, aligned to 16, and no longer used.
            unsafe { freed.write(Freed { next: *head, size }) };
            *head = freed;
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps `size`, rounded up to the alignment, within isize::MAX.
        let wanted = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
        let (Some(old), Some(new)) = (block_size(layout), block_size(wanted)) else { return ptr::null_mut() };
        if new <= old {
            // A block that shrinks stays where it is, and is later freed as one of its new size.
            return block;
        }
        // SAFETY: as in `alloc`.
        let state = unsafe { &mut *self.0.get() };
        if block as usize + old == state.top {
            let past = (block as usize).saturating_add(new);
            if state.extend_to(past) {
                state.top = past;
                return block;
            }
        }
        self.moved(block, layout, wanted)
    }
}

impl Heap {
    fn moved(&self, block: *mut u8, from: Layout, to: Layout) -> *mut u8 {
        // SAFETY: the new block does not overlap the old one, both hold the bytes that are copied, and the old one is
        // not used again.
        unsafe {
            let new = self.alloc(to);
            if !new.is_null() {
                ptr::copy_nonoverlapping(block, new, from.size().min(to.size()));
                self.dealloc(block, from);
            }
            new
        }
    }
}
