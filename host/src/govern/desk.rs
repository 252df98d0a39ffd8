//! What waits for the state: the driver lays jobs down, the keeper takes them up, and neither waits for the other.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use super::job::Job;

/// Jobs in their order, revocations first.
#[derive(Debug, Default)]
pub(super) struct Desk {
    papers: Mutex<Papers>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Papers {
    jobs: VecDeque<Job>,
    /// Since when one is being done.
    since: Option<Instant>,
    /// Nothing is looked at any more; what is to be written still is.
    is_last: bool,
    /// No more will come.
    is_closed: bool,
    /// Nothing more is to be done.
    is_abandoned: bool,
}

impl Desk {
    fn papers(&self) -> MutexGuard<'_, Papers> {
        self.papers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more job. It takes the place of one that it makes needless.
    pub(super) fn lay(&self, job: Job) {
        let mut papers = self.papers();
        match (papers.jobs.iter_mut().find(|waiting| waiting.gives_way_to(&job)), &job) {
            (Some(place), _) => *place = job,
            (None, Job::Revoke(_)) => papers.jobs.push_front(job),
            (None, _) => papers.jobs.push_back(job),
        }
        drop(papers);
        self.changed.notify_all();
    }

    /// The next job, once there is one; nothing when there will be none.
    pub(super) fn take(&self) -> Option<Job> {
        let mut papers = self.papers();
        loop {
            if papers.is_abandoned {
                return None;
            }
            if let Some(job) = papers.jobs.pop_front() {
                papers.since = Some(Instant::now());
                return Some(job);
            }
            papers.since = None;
            if papers.is_closed {
                return None;
            }
            papers = self.changed.wait(papers).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A job was done, one way or the other.
    pub(super) fn done(&self) {
        self.papers().since = None;
        self.changed.notify_all();
    }

    /// A job that is to be tried again before all others but revocations, and not before `pause` is over. So nothing is done
    /// behind its back: as long as it fails, the state is away. Of last words, one that fails for what stands in its own place
    /// (`only_here`) lets the others go first.
    pub(super) fn put_back(&self, job: Job, pause: Duration, only_here: bool) {
        let mut papers = self.papers();
        papers.since = None;
        let newer = papers.jobs.iter().position(|newer| job.gives_way_to(newer));
        let job = newer.and_then(|newer| papers.jobs.remove(newer)).unwrap_or(job);
        let place = if papers.is_last && only_here {
            papers.jobs.len()
        } else {
            papers.jobs.iter().take_while(|job| matches!(job, Job::Revoke(_))).count()
        };
        if !(papers.is_last && job.looks_only()) {
            papers.jobs.insert(place, job);
        }
        let until = Instant::now() + pause;
        while let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            if papers.is_abandoned {
                return;
            }
            papers = self.changed.wait_timeout(papers, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.papers().jobs.len()
    }

    /// For how long the one has been under way that is being done.
    pub(super) fn under_way(&self) -> Option<Duration> {
        self.papers().since.map(|since| since.elapsed())
    }

    /// Waits until everything is done, at most for `wait`.
    pub(super) fn wait(&self, wait: Duration) -> bool {
        let until = Instant::now() + wait;
        let mut papers = self.papers();
        while papers.since.is_some() || !papers.jobs.is_empty() {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) else {
                return false;
            };
            papers = self.changed.wait_timeout(papers, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// From now on there are only last words: whatever looks for news is dropped.
    pub(super) fn only_last_words(&self) {
        let mut papers = self.papers();
        papers.is_last = true;
        papers.jobs.retain(|job| !job.looks_only());
    }

    /// Nothing more will come; where `abandon`, nothing more is to be done either.
    pub(super) fn close(&self, abandon: bool) {
        let mut papers = self.papers();
        papers.is_closed = true;
        papers.is_abandoned |= abandon;
        drop(papers);
        self.changed.notify_all();
    }

    /// What was not done.
    pub(super) fn left(&self) -> Vec<Job> {
        self.papers().jobs.drain(..).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        agent::{Cause, ClarifiedPlan, Revocation},
        trust::Time,
    };

    fn words(desk: &Desk) -> Vec<String> {
        let word = |job: Job| match job {
            Job::Seen(at) => format!("seen {}", at.as_second()),
            job => format!("{job:?}").split(['(', ' ']).next().unwrap_or_default().to_owned(),
        };
        desk.left().into_iter().map(word).collect()
    }

    fn seen(second: i64) -> Job {
        Job::Seen(jiff::Timestamp::from_second(second).expect("a time"))
    }

    fn revocation() -> Revocation {
        Revocation {
            agent_id: "a".to_owned(),
            run_id: "r-1".to_owned(),
            cause: Cause::Token,
            severity: None,
            reason: String::new(),
            phase: None,
            at: Time(jiff::Timestamp::UNIX_EPOCH),
        }
    }

    #[test]
    fn a_job_takes_the_place_of_one_that_it_makes_needless() {
        let desk = Desk::default();
        for job in [seen(1), Job::Follow, Job::Renew, seen(2), Job::Follow] {
            desk.lay(job);
        }
        assert_eq!(words(&desk), ["seen 2", "Follow", "Renew"]);
    }

    #[test]
    fn what_failed_comes_first_and_by_its_newest_form() {
        let desk = Desk::default();
        desk.lay(seen(1));
        let job = desk.take().expect("a job");
        assert!(desk.under_way().is_some());
        desk.lay(Job::Follow);
        desk.lay(seen(2));
        desk.put_back(job, Duration::ZERO, false);
        assert_eq!((desk.under_way(), words(&desk)), (None, vec!["seen 2".to_owned(), "Follow".to_owned()]));
    }

    #[test]
    fn last_words_are_written_and_nothing_is_looked_at_any_more() {
        let desk = Desk::default();
        desk.lay(Job::Follow);
        let job = desk.take().expect("a job");
        desk.lay(Job::ReadMail);
        let text = r#"{"plan_id":"p","trigger_reason":"","history_reviewed":[],"outputs_analyzed":[],"original_objective":"",
                       "clarified_objective":"","adjustments":[],"broadcast_at":"2026-01-10T00:00:00Z","acknowledged_by":[]}"#;
        let plan: ClarifiedPlan = serde_json::from_str(text).expect("a plan");
        desk.lay(Job::TellPlan(Box::new(plan)));
        desk.only_last_words();
        desk.put_back(job, Duration::ZERO, false);
        assert!(!desk.wait(Duration::ZERO));
        assert_eq!(words(&desk), ["TellPlan"]);
        assert!(desk.wait(Duration::ZERO));
        desk.lay(Job::Revoke(Box::new(revocation())));
        desk.lay(Job::Release);
        let job = desk.take().expect("a job");
        desk.put_back(job.clone(), Duration::ZERO, false);
        assert_eq!(words(&desk), ["Revoke", "Release"]);
        desk.lay(Job::Release);
        desk.put_back(job, Duration::ZERO, true);
        assert_eq!(words(&desk), ["Release", "Revoke"]);
        desk.close(false);
        assert!(desk.take().is_none());
    }
}
