//! Gates as they end: a line each on stdout where the text report goes there, and progress on a watched terminal. What people
//! have to know at once is said on stderr.

use std::sync::{Mutex, PoisonError};

use portcullis::{
    manifest::Plan,
    report::terminal::{Layout, alert_line, gate_line},
    run::Event,
};

use super::{Failure, evidence::Progress, outputs::Outputs, term};

/// Tells of a run while it goes on.
pub(crate) struct Live<'a> {
    layout: Layout,
    outputs: &'a Outputs,
    progress: &'a Progress,
    verbose: bool,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    /// Whether lines go to stdout; known once gates are asked.
    shows: bool,
    failed: Option<Failure>,
}

impl<'a> Live<'a> {
    pub(crate) fn new(plan: &Plan, outputs: &'a Outputs, progress: &'a Progress, verbose: bool) -> Self {
        let layout = Layout::for_names(plan.gates.iter().map(|gate| gate.name.as_str()));
        Self { layout, outputs, progress, verbose, told: Mutex::default() }
    }

    /// Comes from several threads; what is told stays whole lines.
    pub(crate) fn tell(&self, event: &Event<'_>) {
        match event {
            Event::Judging => {
                self.progress.clear();
                let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
                match self.outputs.start() {
                    Ok(shows) => told.shows = shows,
                    Err(failure) => told.failed = Some(failure),
                }
            }
            Event::Note(note) if self.verbose => term::note(note),
            Event::Trouble(problem) => {
                self.progress.clear();
                term::caution(&problem.to_string());
            }
            Event::Alert(violation) => {
                self.progress.clear();
                term::say(&alert_line(violation));
            }
            Event::Finished { result, ended, gates, .. } => {
                let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
                self.progress.clear();
                if told.shows && told.failed.is_none() {
                    told.failed = term::out_line(&gate_line(result, self.layout, *ended)).err();
                }
                if ended < gates {
                    self.progress.tell(&format!("{ended} of {gates} gates"));
                }
            }
            event => self.progress.follow(event),
        }
    }

    /// Ends what was begun; `broken` says that no decision follows.
    ///
    /// # Errors
    /// When a line could not be written.
    pub(crate) fn end(self, broken: bool) -> Result<(), Failure> {
        self.progress.clear();
        let Told { shows, failed } = self.told.into_inner().unwrap_or_else(PoisonError::into_inner);
        if broken && shows {
            self.outputs.end()?;
        }
        failed.map_or(Ok(()), Err)
    }
}
