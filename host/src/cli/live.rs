//! Gates as they end: a line each on stdout where the text report goes there, and progress on a watched terminal.

use std::sync::{Mutex, PoisonError};

use portcullis::{
    manifest::Plan,
    report::terminal::{Layout, gate_line},
    run::Event,
    text::excerpt,
};

use super::{Failure, evidence::Progress, term};

/// Tells of a run while it goes on.
pub(crate) struct Live<'a> {
    layout: Layout,
    shows: bool,
    progress: &'a Progress,
    failed: Mutex<Option<Failure>>,
}

impl<'a> Live<'a> {
    /// `shows` says whether lines go to stdout.
    pub(crate) fn new(plan: &Plan, shows: bool, progress: &'a Progress) -> Self {
        let layout = Layout::for_names(plan.gates.iter().map(|gate| gate.name.as_str()));
        Self { layout, shows, progress, failed: Mutex::default() }
    }

    /// Comes from several threads; what is told stays whole lines.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        match event {
            Event::Started { gate } => self.progress.tell(&format!("asking {}", excerpt(gate, 60))),
            Event::Finished { result, ended, gates } => {
                let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                self.progress.clear();
                if self.shows && failed.is_none() {
                    let line = gate_line(result, self.layout, *ended);
                    *failed = term::out_line(&line).err();
                }
                if ended < gates {
                    self.progress.tell(&format!("{ended} of {gates} gates"));
                }
            }
        }
    }

    /// # Errors
    /// When a line could not be written.
    pub(crate) fn end(self) -> Result<(), Failure> {
        self.progress.clear();
        self.failed.into_inner().unwrap_or_else(PoisonError::into_inner).map_or(Ok(()), Err)
    }
}
