//! The process and the threads around it: all of them there, or none.

use std::{
    io::{self, PipeReader},
    sync::mpsc::{Sender, channel, sync_channel},
    thread::{self, Builder, Scope, ScopedJoinHandle},
};

use super::{
    desk::Desk,
    driven::Driven,
    driver::{Driver, Links, Message, Shared},
    hindrance::Hindrance,
    keeper::Keeper,
    pipes::{Notes, Room, hear, note, say},
    plan::Stage,
    process::{Pipes, Process, ends},
    start::{Started, patiently},
    takeover::Trace,
};
use crate::{
    files::reason,
    state::{Fence, keys},
};

/// How many lines may wait for an agent to read them.
const MOST_SAID: usize = 256;

/// The threads that are waited for by name.
struct Threads<'scope> {
    keeper: ScopedJoinHandle<'scope, ()>,
    notes: Option<ScopedJoinHandle<'scope, Notes>>,
}

/// Lets every thread of a stage end, whatever ends the stage.
struct Closing<'a>(&'a Shared);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.desk.close(true);
        self.0.room.close();
    }
}

/// Starts the agent and drives it to its end.
pub(super) fn run(stage: &Stage<'_>, started: Started) -> Driven {
    let Started { fence, ledger, known, secrets, mask } = started;
    let shared = Shared { desk: Desk::default(), room: Room::new(), mask };
    let refused = |hindrance: Hindrance, fence: &Fence| {
        // Should that fail, it runs out; so it does where something of the agent may be there.
        if hindrance != Hindrance::Remains {
            let _ = stage.state.release(fence);
        }
        Driven::refused(stage, hindrance)
    };
    let (process, pipes) = match Process::start(stage, &secrets) {
        Ok(whole) => whole,
        Err(hindrance) => return refused(hindrance, &fence),
    };
    if let Err(hindrance) = note_process(stage, &process, &fence) {
        drop(process);
        return refused(hindrance, &fence);
    }
    thread::scope(|scope| {
        let shared = &shared;
        let closing = Closing(shared);
        let (post, inbox) = channel();
        let (said, to_say) = sync_channel(MOST_SAID);
        let around = io::pipe().and_then(|(over, still)| {
            let made = known.outputs.clone();
            let keeper = Keeper::new(*stage, (&shared.desk, post.clone()), fence.clone(), ledger, made);
            let around = Around { stage: *stage, shared, over, post: post.clone() };
            Ok((around.threads(scope, keeper, pipes, to_say, &process)?, still))
        });
        let (threads, still) = match around {
            Ok(around) => around,
            Err(error) => {
                drop(process);
                let command = "the threads around it".to_owned();
                return refused(Hindrance::NotStarted { command, reason: reason(&error) }, &fence);
            }
        };
        let mut driver = Driver::new(*stage, (scope, shared), Links { post, inbox, said }, process, known);
        driver.drive();
        // Every thread that waits for the process sees now that there is nothing more to wait for.
        drop(still);
        shared.room.close();
        let notes = threads.notes.and_then(|notes| notes.join().ok()).unwrap_or_default();
        let driven = driver.finish(threads.keeper, &notes, &shared.mask);
        drop(closing);
        driven
    })
}

/// Whoever resumes the run finds the agent there, should this host be killed.
fn note_process(stage: &Stage<'_>, process: &Process, fence: &Fence) -> Result<(), Hindrance> {
    let trace = Trace::of(process.pid(), process.supervised());
    let packet = serde_json::to_vec(&stage.packet(fence.token(), trace)).unwrap_or_default();
    patiently(stage, || Ok(stage.state.put(&keys::agent_packet(stage.agent), &packet, Some(fence)).map(|_| ())?))
}

/// What the threads around a process are started with.
struct Around<'env> {
    stage: Stage<'env>,
    shared: &'env Shared,
    /// Closed when there is nothing more to wait for.
    over: PipeReader,
    post: Sender<Message>,
}

impl<'env> Around<'env> {
    fn threads<'scope>(
        self,
        scope: &'scope Scope<'scope, 'env>,
        keeper: Keeper<'env>,
        pipes: Pipes,
        to_say: std::sync::mpsc::Receiver<String>,
        process: &Process,
    ) -> io::Result<Threads<'scope>> {
        let Self { stage, shared, over, post } = self;
        let overs = [over.try_clone()?, over.try_clone()?, over.try_clone()?];
        let [over_heard, over_said, over_noted] = overs;
        let (pid, to) = (process.pid(), post.clone());
        Builder::new().spawn_scoped(scope, move || ends(pid, &over).then(|| to.send(Message::Ended)))?;
        if let Some(stdout) = pipes.stdout {
            let with = (&shared.mask, stage.world);
            Builder::new().spawn_scoped(scope, move || hear(stdout, &over_heard, &shared.room, with, &post))?;
        }
        if let Some(stdin) = pipes.stdin {
            Builder::new().spawn_scoped(scope, move || say(stdin, &over_said, &to_say))?;
        }
        let notes = pipes.stderr.map(|stderr| Builder::new().spawn_scoped(scope, move || note(stderr, &over_noted)));
        let keeper = Builder::new().spawn_scoped(scope, move || keeper.run())?;
        Ok(Threads { keeper, notes: notes.transpose()? })
    }
}
