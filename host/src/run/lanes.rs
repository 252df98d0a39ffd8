//! Many questions to one program, on several threads that keep out of each other's way.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sandbox::{Buffers, Program};

/// Calls from which it pays for itself that each thread has a program of its own: making one takes as long as some tens.
const MANY_CALLS: usize = 200;

/// A program, and as many more of it as there are other threads.
pub struct Lanes<'p> {
    program: &'p Program,
    twins: Vec<Program>,
    next: AtomicUsize,
}

/// What one thread asks with.
pub struct Lane<'l> {
    /// What it calls.
    pub program: &'l Program,
    /// What its calls share.
    pub buffers: Buffers,
}

impl<'p> Lanes<'p> {
    /// Lanes for `calls` calls on `jobs` threads. Where the machine has no room for more programs, threads share.
    #[must_use]
    pub fn new(program: &'p Program, jobs: usize, calls: usize) -> Self {
        let others = if calls < MANY_CALLS { 0 } else { jobs.saturating_sub(1) };
        let twins = (0..others).map_while(|_| program.twin().ok()).collect();
        Self { program, twins, next: AtomicUsize::new(0) }
    }

    /// A lane for the thread that asks for one.
    pub fn lane(&self) -> Lane<'_> {
        let at = self.next.fetch_add(1, Ordering::Relaxed) % (self.twins.len() + 1);
        Lane { program: self.twins.get(at).unwrap_or(self.program), buffers: Buffers::default() }
    }
}
