//! WASI preview 1, the three imports a gate needs. std's own streams would bring locks, buffers and formatting.

use alloc::vec::Vec;

use super::Stream;
use crate::Fault;

/// Bytes asked for at first; most requests come in one call.
const FIRST_READ: usize = 64 << 10;

/// `iovec` and `ciovec`.
#[repr(C)]
struct Span {
    start: *const u8,
    len: usize,
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn fd_read(fd: i32, spans: *const Span, count: usize, read: *mut usize) -> i32;
    fn fd_write(fd: i32, spans: *const Span, count: usize, written: *mut usize) -> i32;
    fn proc_exit(status: i32) -> !;
}

pub(crate) fn read_all() -> Result<Vec<u8>, Fault> {
    let mut bytes: Vec<u8> = Vec::with_capacity(FIRST_READ);
    loop {
        if bytes.len() == bytes.capacity() {
            bytes.reserve(bytes.len());
        }
        let free = bytes.spare_capacity_mut();
        let span = Span { start: free.as_mut_ptr().cast(), len: free.len() };
        let mut read = 0;
        // SAFETY: the span is the vector's own free space, which nothing else touches during the call.
        let errno = unsafe { fd_read(0, &raw const span, 1, &raw mut read) };
        if errno != 0 || read > span.len {
            return Err(Fault::input("standard input cannot be read"));
        }
        if read == 0 {
            return Ok(bytes);
        }
        // SAFETY: the host wrote `read` bytes there, no more than the free space, as checked above.
        unsafe { bytes.set_len(bytes.len() + read) };
    }
}

pub(crate) fn write_all(stream: Stream, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let span = Span { start: bytes.as_ptr(), len: bytes.len() };
        let mut written = 0;
        // SAFETY: the span is the slice, which outlives the call; the host only reads it.
        let errno = unsafe { fd_write(stream as i32, &raw const span, 1, &raw mut written) };
        match bytes.get(written..) {
            Some(rest) if errno == 0 && written > 0 => bytes = rest,
            _ => exit(3),
        }
    }
}

pub(crate) fn exit(status: i32) -> ! {
    // SAFETY: it takes a number and does not return.
    unsafe { proc_exit(status) }
}
