//! Events on the stdin of a command that is started once and ends with the run.

use std::{
    io::Write as _,
    process::{Child, ChildStdin, Stdio},
    sync::{Arc, Mutex, PoisonError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

use super::{
    error::OpenError,
    event::Told,
    queue::{Ended, Queue},
    sink::{Deliver, Stop},
};
use crate::{
    evidence::{
        World,
        command::{drain::has_ended, start},
        secrets::Secrets,
    },
    files::reason,
    manifest::CommandSink,
    text::excerpt,
};

/// How often the end of a command is looked for.
const LOOK: Duration = Duration::from_millis(5);
/// How long a killed process may take to be gone.
const GRACE: Duration = Duration::from_secs(1);

/// A command that reads.
pub(super) struct Reader {
    /// Nothing once it reads no more.
    stdin: Option<ChildStdin>,
    group: Arc<Group>,
    /// Why it reads no more.
    why: String,
}

impl Reader {
    /// Starts the command; what it writes is dropped. Also how it is ended.
    pub(super) fn start(plan: &CommandSink, world: World<'_>) -> Result<(Self, Stop), OpenError> {
        let templates = plan.argv.iter().chain(plan.env.iter().map(|(_, value)| value));
        let secrets = Secrets::read(templates, &[], world)
            .map_err(|failed| OpenError::Variable { sink: shown(plan), why: failed.message })?;
        let stdio = [Stdio::piped(), Stdio::null(), Stdio::null()];
        let mut child = start::spawn((&plan.argv, &plan.env), &plan.cwd, &secrets, stdio)
            .map_err(|why| OpenError::Command { command: shown(plan), why })?;
        let stdin = child.stdin.take();
        let group = Arc::new(Group(Mutex::new(Some(child))));
        let stop = Arc::clone(&group);
        let stop = Box::new(move || stop.end().then_some("it was still running when its time was over"));
        Ok((Self { stdin, group, why: String::new() }, stop))
    }

    fn read_no_more(&mut self, why: String) -> Ended {
        self.stdin = None;
        self.why = why;
        Ended::Failed(self.why.clone())
    }
}

/// The command as the manifest has it.
pub(super) fn shown(plan: &CommandSink) -> String {
    let words: Vec<_> = plan.argv.iter().map(|argument| argument.written.as_str()).collect();
    excerpt(&words.join(" "), 200)
}

impl Deliver for Reader {
    /// Waits for as long as the command does not read. Killing it ends that.
    fn deliver(&mut self, told: &Told, _: &Queue) -> Ended {
        let Some(stdin) = &mut self.stdin else { return Ended::Failed(self.why.clone()) };
        match stdin.write_all(told.line.as_bytes()) {
            Ok(()) => Ended::Delivered,
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {
                self.read_no_more("it has ended, or closed its stdin".to_owned())
            }
            Err(error) => self.read_no_more(reason(&error)),
        }
    }

    /// Lets it read to the end, and end by itself as long as there is time.
    fn finish(&mut self, queue: &Queue) {
        self.stdin = None;
        while !self.group.has_ended() && queue.pause(LOOK) {}
    }
}

/// The command and what it started, until they are ended.
struct Group(Mutex<Option<Child>>);

impl Group {
    fn has_ended(&self) -> bool {
        let child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        child.as_ref().is_none_or(|child| has_ended(Pid::from_child(child)))
    }

    /// Ends all of it: whether the command was still running.
    fn end(&self) -> bool {
        let child = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut child) = child else { return false };
        let pid = Pid::from_child(&child);
        let was_running = !has_ended(pid);
        // Before the child is waited for: until then, nothing else can have the number of its group.
        let _ = kill_process_group(pid, Signal::KILL);
        let since = Instant::now();
        while matches!(child.try_wait(), Ok(None)) && since.elapsed() < GRACE {
            thread::sleep(Duration::from_millis(1));
        }
        was_running
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}
