//! Many questions to one program, on several threads that keep out of each other's way.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::sandbox::{Buffers, Program};

/// Calls from which it pays for itself that each thread has a program of its own: making one takes as long as some tens.
const MANY_CALLS: usize = 200;

/// A program, and as many more of it as there are other threads.
pub struct Lanes<'p> {
    program: &'p Program,
    /// How many threads may have one of their own.
    twins: usize,
    next: AtomicUsize,
}

/// What one thread asks with.
pub struct Lane<'l> {
    program: Called<'l>,
    buffers: Buffers,
}

enum Called<'l> {
    Shared(&'l Program),
    Own(Box<Program>),
}

impl<'p> Lanes<'p> {
    /// Lanes for `calls` calls on `jobs` threads.
    #[must_use]
    pub fn new(program: &'p Program, jobs: usize, calls: usize) -> Self {
        let twins = if calls < MANY_CALLS { 0 } else { jobs.saturating_sub(1) };
        Self { program, twins, next: AtomicUsize::new(0) }
    }

    /// A lane for the thread that asks for one. It makes its program itself, so that none waits for another's. Where the
    /// machine has no room for more programs, threads share.
    pub fn lane(&self) -> Lane<'p> {
        let at = self.next.fetch_add(1, Ordering::Relaxed);
        let own = if (1..=self.twins).contains(&at) { self.program.twin().ok() } else { None };
        let program = own.map_or(Called::Shared(self.program), |own| Called::Own(Box::new(own)));
        Lane { program, buffers: Buffers::default() }
    }
}

impl<'l> Lane<'l> {
    /// The lane of somebody who is alone with `program`.
    #[must_use]
    pub fn alone(program: &'l Program) -> Self {
        Self { program: Called::Shared(program), buffers: Buffers::default() }
    }

    /// What is called, and what the calls share.
    pub fn parts(&mut self) -> (&Program, &mut Buffers) {
        let program = match &self.program {
            Called::Shared(program) => *program,
            Called::Own(program) => program,
        };
        (program, &mut self.buffers)
    }
}
