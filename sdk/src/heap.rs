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

/// The size of the block that holds so many bytes: a power of two up to a page, else pages, because a buffer that doubles
/// is seldom a power of two and would waste half of one. Zero for more than there can be.
fn block_size(bytes: usize) -> usize {
    if bytes > PAGE {
        return bytes.checked_add(PAGE - 1).unwrap_or(0) & !(PAGE - 1);
    }
    // The power of two at or above it; without its own function's case for none.
    1 << (usize::BITS - (bytes.max(LEAST) - 1).leading_zeros())
}

impl State {
    /// The newest freed block among those of about this size, if it is as large.
    fn freed_block(&mut self, size: usize) -> Option<*mut u8> {
        let head = self.free.get_mut(size.ilog2() as usize)?;
        // SAFETY: what is on a list is a freed block that `dealloc` wrote.
        let freed = unsafe { head.as_ref() }.filter(|freed| freed.size >= size)?;
        Some(core::mem::replace(head, freed.next).cast())
    }

    /// A block where none was, or null. Grows the memory for it, which may leave what is ours where someone else has grown
    /// it since, as it does behind what was declared: then the block starts on the new pages.
    fn new_block(&mut self, size: usize, align: usize) -> *mut u8 {
        if self.end == 0 {
            self.top = DECLARED.0.get() as usize;
            self.end = self.top + FIRST;
        }
        loop {
            let start = self.top.saturating_add(align - 1) & !(align - 1);
            let past = start.saturating_add(size);
            if past <= self.end {
                self.top = past;
                return start as *mut u8;
            }
            let pages = (past - self.end).div_ceil(PAGE);
            let before = wasm32::memory_grow(0, pages);
            if before == usize::MAX {
                return ptr::null_mut();
            }
            if before * PAGE != self.end {
                self.top = before * PAGE;
            }
            self.end = (before * PAGE).saturating_add(pages * PAGE);
        }
    }
}

// SAFETY: blocks come from what was declared for this allocator and from pages that `memory.grow` gave to it, are handed out
// once until they are freed, and are at least as large and as aligned as the layout asks.
unsafe impl GlobalAlloc for Heap {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: no threads, and nothing below calls back into the allocator.
        let state = unsafe { &mut *self.0.get() };
        let size = block_size(layout.size());
        if size == 0 {
            return ptr::null_mut();
        }
        if layout.align() <= LEAST
            && let Some(block) = state.freed_block(size)
        {
            return block;
        }
        state.new_block(size, layout.align().max(LEAST))
    }

    #[inline(never)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as in `alloc`.
        let state = unsafe { &mut *self.0.get() };
        let size = block_size(layout.size());
        if let Some(head) = state.free.get_mut(size.ilog2() as usize) {
            let freed = block.cast::<Freed>();
            // SAFETY: the block is at least 16 bytes, aligned to 16, and no longer used.
            unsafe { freed.write(Freed { next: *head, size }) };
            *head = freed;
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let (old, new) = (block_size(layout.size()), block_size(size));
        if new <= old && new != 0 {
            // A block that shrinks stays where it is, and is later freed as one of its new size.
            return block;
        }
        // SAFETY: as in `alloc`.
        let state = unsafe { &mut *self.0.get() };
        // The newest block is given back to grow where it is; what it holds stays until something is written there.
        let newest = new != 0 && block as usize + old == state.top;
        let moved = if newest {
            state.top = block as usize;
            state.new_block(new, layout.align().max(LEAST))
        } else {
            // SAFETY: the caller keeps `size`, rounded up to the alignment, within isize::MAX.
            unsafe { self.alloc(Layout::from_size_align_unchecked(size, layout.align())) }
        };
        if moved.is_null() && newest {
            state.top = block as usize + old;
        }
        if !moved.is_null() && moved != block {
            // SAFETY: the new block is elsewhere and larger than the old one, which is not used again.
            unsafe {
                ptr::copy_nonoverlapping(block, moved, layout.size());
                self.dealloc(block, layout);
            }
        }
        moved
    }
}

/// In the place of libc's, which compares byte by byte: how names are told apart, and texts.
///
/// # Safety
/// As in C: there are `count` bytes at both places.
#[unsafe(no_mangle)]
#[inline(never)]
unsafe extern "C" fn memcmp(left: *const u8, right: *const u8, count: usize) -> i32 {
    const WORD: usize = size_of::<u64>();
    let mut at = 0;
    while at < count {
        // SAFETY: only bytes below `count` are read; a word needs no alignment.
        let (one, other) = unsafe {
            if count < WORD {
                (u64::from(*left.add(at)), u64::from(*right.add(at)))
            } else {
                // The last word begins among bytes that were equal, so that it ends with the last one.
                at = at.min(count - WORD);
                (left.add(at).cast::<u64>().read_unaligned(), right.add(at).cast::<u64>().read_unaligned())
            }
        };
        if one != other {
            // The lowest byte that differs is the first.
            let shift = (one ^ other).trailing_zeros() & !7;
            return ((one >> shift) & 0xff) as i32 - ((other >> shift) & 0xff) as i32;
        }
        at += if count < WORD { 1 } else { WORD };
    }
    0
}
