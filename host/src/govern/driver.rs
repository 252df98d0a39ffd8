//! The loop: whatever happens is told to the agent's machine, in its order and with its time, and what follows is done.

use std::{
    collections::VecDeque,
    sync::mpsc::{Receiver, Sender, SyncSender},
    thread::Scope,
    time::{Duration, Instant},
};

use jiff::Timestamp;

use super::{
    desk::Desk,
    driven::{Observed, Outputs},
    hindrance::Hindrance,
    job::{Answer, ClarifyRequest, Job},
    mask::Mask,
    pipes::Room,
    plan::Stage,
    process::Process,
    start::Before,
    tally::Tally,
};
use crate::agent::{
    Agent, AgentLine, AgentStatus, Asked, BadLine, Event, HostLine, Judged, Remembered, Report, Revocation, Setup,
    Snapshot, Violation,
};

/// How often the end of the run is looked for, and time that passes.
const LOOK: Duration = Duration::from_millis(50);
/// What is due and cannot be done yet, as behind lines that wait, is not asked for more often.
const LEAST: Duration = Duration::from_millis(1);
/// How many lines are heard before it is looked what else has come.
const AT_ONCE: usize = 16;
/// How long lines are still waited for when the process is gone: another one may hold its stdout open.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// How many lines may come then: more than a pipe holds are another one's.
const MOST_LAST_LINES: usize = 1 << 16;
/// How much may wait for the state until the agent has to wait too.
const MOST_JOBS: usize = 32;

/// What comes to the driver.
pub(super) enum Message {
    /// The agent said something, at that time.
    Line(Timestamp, Result<AgentLine, BadLine>),
    /// It says no more.
    Silent,
    /// Its process has ended.
    Ended,
    /// Gates have judged it.
    Judged(Judged),
    /// The state has answered.
    Answer(Answer),
    /// The state has failed, and is asked again.
    Failed(Hindrance),
    /// Something could not be written.
    Missing(String),
}

/// A clarified plan that is waited for.
pub(super) struct Clarify {
    pub(super) request: ClarifyRequest,
    pub(super) since: Instant,
}

pub(super) struct Driver<'scope, 'env> {
    pub(super) stage: Stage<'env>,
    pub(super) scope: &'scope Scope<'scope, 'env>,
    pub(super) desk: &'env Desk,
    pub(super) room: &'env Room,
    pub(super) post: Sender<Message>,
    pub(super) inbox: Receiver<Message>,
    pub(super) process: Process,
    pub(super) agent: Agent,
    /// What has happened and was not told to the machine yet.
    pub(super) events: VecDeque<(Event, Timestamp)>,
    /// Lines that wait to be heard.
    lines: VecDeque<(Timestamp, Result<AgentLine, BadLine>)>,
    /// When the host last held the agent up: until then it could not be heard.
    pub(super) floor: Timestamp,
    /// The agent's stdin; nothing once it is closed.
    pub(super) said: Option<SyncSender<String>>,
    /// Lines for the agent, those first that wait for an output to be kept.
    pub(super) outbox: VecDeque<(Option<u64>, HostLine)>,
    /// The number of the last output, and of the last one that is kept.
    pub(super) outputs_made: u64,
    pub(super) outputs_kept: u64,
    pub(super) closes: bool,
    pub(super) judging: Option<Asked>,
    /// What gates said while the host had lost its state.
    pub(super) judged: Option<Judged>,
    pub(super) clarify: Option<Clarify>,
    /// The plan that came out of the mailbox, and need not go there.
    pub(super) mailed: Option<String>,
    /// Since when the state is away.
    pub(super) disturbed: Option<(Instant, Hindrance)>,
    pub(super) hindrance: Option<Hindrance>,
    /// What was wrong with the state when it last failed.
    pub(super) failed: Option<Hindrance>,
    /// Until when the lock certainly is held.
    pub(super) lock_until: Timestamp,
    pub(super) lock_is_lost: bool,
    pub(super) remembered: Remembered,
    pub(super) tally: Tally,
    pub(super) snapshot: Snapshot,
    pub(super) started: Timestamp,
    since: Instant,
    polled: Instant,
    /// When the process is killed that is to end.
    pub(super) kill_at: Option<Instant>,
    /// Since when it is waited for after it was killed.
    pub(super) killed: Option<Instant>,
    /// Since when its process is gone.
    pub(super) ended: Option<Instant>,
    /// When it was last heard, or held up.
    heard: Instant,
    /// How many lines have come since its process is gone.
    last_lines: usize,
    is_silent: bool,
    end_is_told: bool,
    pub(super) outputs: Outputs,
    pub(super) violations: Vec<Violation>,
    /// How many more there were.
    pub(super) unlisted: u64,
    pub(super) revocation: Option<Revocation>,
    pub(super) missing: Vec<String>,
    /// What gates saw broken before the start.
    reports: Vec<Report>,
}

/// What the threads of a stage share.
pub(super) struct Shared {
    pub(super) desk: Desk,
    pub(super) room: Room,
    pub(super) mask: Mask,
}

/// The driver's ends of what it is talked to by, and talks by.
pub(super) struct Links {
    pub(super) post: Sender<Message>,
    pub(super) inbox: Receiver<Message>,
    pub(super) said: SyncSender<String>,
}

impl<'scope, 'env> Driver<'scope, 'env> {
    /// The driver of a process that runs.
    pub(super) fn new(
        stage: Stage<'env>,
        (scope, shared): (&'scope Scope<'scope, 'env>, &'env Shared),
        links: Links,
        process: Process,
        known: Before,
    ) -> Self {
        let Before { remembered, checkpoint, outputs, reports, tier, tally, held } = known;
        let plan = stage.plan;
        let agent = Agent::new(Setup {
            agent_id: stage.agent.to_string(),
            run_id: stage.run_id.to_owned(),
            objective: plan.objective.clone(),
            tier,
            confidence: plan.confidence,
            gates: plan.gates.clone(),
            heartbeat: plan.heartbeat,
            lock: plan.sure_of_lock(),
            budget: plan.errors,
            checkpoint,
            remembered: remembered.clone(),
        });
        let now = Instant::now();
        Self {
            stage,
            scope,
            desk: &shared.desk,
            room: &shared.room,
            post: links.post,
            inbox: links.inbox,
            process,
            snapshot: agent.snapshot(),
            agent,
            events: VecDeque::new(),
            lines: VecDeque::new(),
            floor: held,
            said: Some(links.said),
            outbox: VecDeque::new(),
            outputs_made: 0,
            outputs_kept: 0,
            closes: false,
            judging: None,
            judged: None,
            clarify: None,
            mailed: None,
            disturbed: None,
            hindrance: None,
            failed: None,
            lock_until: held,
            lock_is_lost: false,
            remembered,
            tally,
            started: held,
            since: now,
            polled: now,
            kill_at: None,
            killed: None,
            ended: None,
            heard: now,
            last_lines: 0,
            is_silent: false,
            end_is_told: false,
            outputs,
            violations: Vec::new(),
            unlisted: 0,
            revocation: None,
            missing: Vec::new(),
            reports,
        }
    }

    /// Until the agent is at its end, and its process is gone.
    pub(super) fn drive(&mut self) {
        self.lock_holds(self.started);
        self.on(Event::Started, self.started);
        if !self.reports.is_empty() {
            let reports = std::mem::take(&mut self.reports);
            self.on(Event::Reported(reports), self.started);
        }
        while !self.is_over() {
            self.flush();
            self.wait();
            self.look();
            self.hear();
        }
        self.flush();
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.stage.world.clock)()
    }

    /// Tells the machine what happened, does what follows, and keeps what is different.
    pub(super) fn on(&mut self, event: Event, at: Timestamp) {
        self.events.push_back((event, at));
        while let Some((event, at)) = self.events.pop_front() {
            for effect in self.agent.on(event, at) {
                self.does(effect, at);
            }
        }
        let remembered = self.agent.remembered();
        if self.tally.follow(&self.remembered, &remembered) {
            self.desk.lay(Job::Count(self.tally.clone()));
        }
        self.remembered = remembered;
        let snapshot = self.agent.snapshot();
        if snapshot != self.snapshot {
            (self.stage.observe)(Observed::Fares(&snapshot));
            self.desk.lay(Job::Snapshot(Box::new(snapshot.clone())));
            self.snapshot = snapshot;
        }
    }

    /// Waits until something comes, and takes all that is there.
    fn wait(&mut self) {
        let now = self.now();
        let deadline = self
            .agent
            .deadline()
            .map_or(LOOK, |deadline| Duration::try_from(deadline.duration_since(now)).unwrap_or(Duration::ZERO));
        let soon = Instant::now();
        let mine = self.kill_at.map_or(LOOK, |at| at.saturating_duration_since(soon));
        let poll = (self.polled + self.stage.patience.poll).saturating_duration_since(soon);
        let may_hear = !self.lines.is_empty() && !self.is_held();
        let wait = if may_hear { Duration::ZERO } else { LOOK.min(deadline).min(mine).min(poll).max(LEAST) };
        let first = self.inbox.recv_timeout(wait);
        let rest: Vec<_> = self.inbox.try_iter().collect();
        first.into_iter().chain(rest).for_each(|message| self.take(message));
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Line(at, line) => {
                self.heard = Instant::now();
                self.last_lines += usize::from(self.ended.is_some());
                self.lines.push_back((at, line));
            }
            Message::Silent => self.is_silent = true,
            Message::Ended => {
                self.ended = Some(Instant::now());
                // What it leaves behind of its group goes with it.
                self.process.kill();
                self.killed.get_or_insert_with(Instant::now);
            }
            Message::Judged(judged) => self.judged(judged),
            Message::Answer(answer) => self.answered(answer),
            Message::Failed(hindrance) => {
                self.failed = Some(hindrance.clone());
                self.disturb(hindrance);
            }
            Message::Missing(missing) => self.missing.push(missing),
        }
    }

    /// What is due without anybody having said anything.
    fn look(&mut self) {
        if self.stage.is_cancelled() {
            self.stop(Hindrance::Interrupted);
            // Nobody waits for an agent to end gently any more.
            let soon = Instant::now() + self.stage.patience.term;
            self.kill_at = self.kill_at.map(|at| at.min(soon));
        }
        if self.since.elapsed() > self.stage.plan.timeout {
            self.stop(Hindrance::TimedOut(self.stage.plan.timeout));
        }
        self.look_at_state();
        self.look_for_plan();
        self.look_at_process();
        let is_due = |agent: &Agent, now| agent.deadline().is_some_and(|deadline| deadline <= now);
        let now = self.now();
        if (self.lines.is_empty() || self.is_held()) && is_due(&self.agent, now) {
            self.on(Event::Tick, now);
        }
    }

    fn look_at_state(&mut self) {
        let patience = self.stage.patience;
        if let Some(since) = self.desk.under_way().filter(|since| *since > patience.answer) {
            let slow = Hindrance::Slow(since);
            self.disturb(slow);
        }
        let away = self.disturbed.as_ref().filter(|(since, _)| since.elapsed() > patience.recover);
        if let Some((_, hindrance)) = away {
            self.stop(hindrance.clone());
        }
        // An agent that is through is looked after until its process is gone.
        if self.polled.elapsed() >= patience.poll && self.ended.is_none() {
            self.polled = Instant::now();
            self.desk.lay(Job::Follow);
            if self.clarify.is_some() {
                self.desk.lay(Job::ReadMail);
            }
            if self.agent.promotion().is_some() {
                self.desk.lay(Job::ReadGrants);
            }
        }
    }

    fn look_at_process(&mut self) {
        let is_late = self.kill_at.is_some() && self.lock_until <= self.now();
        if is_late || self.kill_at.is_some_and(|at| at <= Instant::now()) {
            self.kill();
        }
        let Some(ended) = self.ended else { return };
        if self.is_held() {
            // What waits in the pipe cannot come.
            self.heard = Instant::now();
        }
        let is_quiet = self.heard.max(ended).elapsed() > LAST_WORDS;
        let is_heard = self.is_silent || is_quiet || self.last_lines > MOST_LAST_LINES;
        if is_heard && self.lines.is_empty() && !self.end_is_told {
            self.end_is_told = true;
            self.on(Event::ProcessEnded, self.now().max(self.floor));
        }
    }

    /// Whether lines stay where they are: gates are asked, the state is away, or it has too much to do.
    fn is_held(&self) -> bool {
        let is_past = matches!(self.agent.status(), AgentStatus::Failed | AgentStatus::Revoked);
        let is_busy = self.desk.waiting() > MOST_JOBS || self.outbox.len() > MOST_JOBS;
        !is_past && (self.judging.is_some() || self.disturbed.is_some() || is_busy)
    }

    /// Hears the lines that wait, as long as nothing holds them up.
    fn hear(&mut self) {
        for _ in 0..AT_ONCE {
            if self.is_held() {
                return;
            }
            let Some((at, line)) = self.lines.pop_front() else { return };
            self.room.give_back();
            let at = at.max(self.floor);
            if self.agent.deadline().is_some_and(|deadline| deadline <= at) {
                self.on(Event::Tick, at);
            }
            match line {
                Ok(line) => {
                    self.note_error(&line, at);
                    self.on(Event::Line(line), at);
                }
                Err(bad) => self.on(Event::BadLine(bad), at),
            }
            self.flush();
        }
    }

    pub(super) fn end_is_told(&self) -> bool {
        self.end_is_told
    }

    /// Ends the agent for what is not its own doing.
    pub(super) fn stop(&mut self, hindrance: Hindrance) {
        let has_process = !self.agent.status().is_terminal() || (self.closes && self.kill_at.is_some());
        if has_process && self.hindrance.is_none() {
            let told = hindrance.to_string();
            // An agent that is through stays so, however its process is ended.
            if !self.agent.status().is_terminal() {
                self.hindrance = Some(hindrance);
            }
            self.on(Event::Stopped(told), self.now());
        }
    }
}
