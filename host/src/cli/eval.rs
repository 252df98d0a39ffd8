//! `portcullis eval`: one gate, one question, or as many as there are lines. Decides nothing.

mod ordered;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    panic,
    path::{Path, PathBuf},
    sync::{
        Mutex, PoisonError,
        atomic::Ordering,
        mpsc::{self, Receiver, RecvTimeoutError},
    },
    thread,
    time::Duration,
    vec,
};

use portcullis::{
    diagnostic::Diagnostic,
    evidence::document,
    files::read_capped,
    judge::{Cause, Fault, Judgement, Outcome as Judged, RequestTemplate, Usage},
    limits::Limits,
    report::outcome_json,
    run::{Lane, Lanes, Setting, ask},
    sandbox::{Throughput, Tier},
};
use serde_json::{Map, Value, value::RawValue};

use self::ordered::Ordered;
use super::{
    Exit, Failure, Outcome, host,
    modules::{LimitFlags, Subject, VerifyFlags, read_document},
    term,
};

/// Lines that are read together: enough for every core, little enough to keep.
const BATCH: usize = 1024;
/// Into how many parts each thread's share of a batch is cut. What a thread asks about at once it writes at once.
const PARTS_A_THREAD: usize = 64;
/// Parts a thread that may wait for an earlier one: a call's time, as calls mostly are.
const AHEAD: usize = 64;
/// Bytes of lines that are kept at once.
const BATCH_BYTES: usize = 8 << 20;
/// How long input is waited for between two looks whether the user has asked for an end.
const LOOK: Duration = Duration::from_millis(50);

/// Ask one gate one question, or many; decides nothing
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis eval gate.wasm --input evidence.json\n  portcullis eval gate.wasm --lines --input requests.jsonl --jobs 2"
)]
pub(crate) struct Args {
    /// The module
    module: PathBuf,
    /// What the gate is asked about, JSON; `-` is stdin; an empty object when not given
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// The gate's parameters, a JSON object, or `@FILE`
    #[arg(long, value_name = "JSON")]
    params: Option<String>,
    /// One input a line, one outcome a line, in order
    #[arg(long)]
    lines: bool,
    /// Calls at once [default: the machine's cores]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// The name that the gate is told [default: the module's own]
    #[arg(long)]
    name: Option<String>,
    /// The gate's clock, RFC 3339 [default: now]
    #[arg(long, value_name = "TIME")]
    now: Option<jiff::Timestamp>,
    #[command(flatten)]
    verify: VerifyFlags,
    #[command(flatten)]
    limits: LimitFlags,
    #[command(flatten)]
    cache: host::CacheFlags,
}

impl Args {
    pub(crate) fn execute(self, global: &term::Global) -> Outcome {
        let limits = self.limits.limits()?;
        let params = params(self.params.as_deref())?;
        let now = host::now(self.now);
        let subject = Subject::open(&self.module, &limits, self.verify.read(now))?;
        let single = if self.lines { None } else { Some(single_input(self.input.as_deref(), &limits)?) };
        let (throughput, tier) = match &single {
            None => (Throughput::Many, Tier::Optimised),
            Some(input) if input.get().len() < 1 << 20 => (Throughput::Few, Tier::Fast),
            Some(_) => (Throughput::Few, Tier::Optimised),
        };
        let sandbox = host::sandbox(throughput, &self.cache, global.verbose)?;
        let program = subject.load(&sandbox, tier, &limits, global.verbose)?;
        let run_id = host::run_id(now)?;
        let calls = if self.lines { usize::MAX } else { 1 };
        let name = self.name.clone().unwrap_or_else(|| subject.name.clone());
        let eval = Eval {
            template: RequestTemplate::new(&name, subject.kind, &params, now, &run_id),
            setting: Setting {
                now,
                run_id: &run_id,
                jobs: host::jobs(self.jobs, calls),
                cancelled: host::watch_interrupts(),
            },
            program: &program,
            limits: &limits,
            subject: &subject,
            name: &name,
        };
        match single {
            Some(input) => eval.one(&input),
            None => eval.lines(self.input.as_deref()),
        }
    }
}

/// The parameters that the user gave, as text or as `@FILE`.
pub(super) fn params(text: Option<&str>) -> Result<Map<String, Value>, Failure> {
    let Some(text) = text else { return Ok(Map::new()) };
    let text = match text.strip_prefix('@') {
        Some(path) => read_document(Path::new(path), 1 << 20)?,
        None => text.to_owned(),
    };
    serde_json::from_str(&text).map_err(|error| {
        let problem = Diagnostic::new("params-not-an-object", format!("the parameters are not a JSON object: {error}"));
        Failure::usage(problem.help("such as --params '{\"minimum_records\": 50}'"))
    })
}

/// The one input, checked to be one JSON document.
pub(super) fn single_input(path: Option<&Path>, limits: &Limits) -> Result<Box<RawValue>, Failure> {
    let bytes = match path {
        None => b"{}".to_vec(),
        Some(path) if path == Path::new("-") => read_stdin(limits.input)?,
        Some(path) => read_capped(path, limits.input)?,
    };
    let place = path.map_or_else(String::new, portcullis::files::shown);
    let text = String::from_utf8(bytes)
        .map_err(|_| Failure::usage(Diagnostic::new("not-utf8", "the input is not UTF-8").at(place.clone())))?;
    document(&text).map(ToOwned::to_owned).map_err(|error| {
        Failure::usage(
            Diagnostic::new("input-not-json", format!("the input is not one JSON document: {error}")).at(place),
        )
    })
}

fn read_stdin(cap: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = io::stdin().lock().take(cap.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > cap {
        return Err(Failure::usage(
            Diagnostic::new("input-limit", format!("the input is larger than {cap} bytes")).help("raise --input-limit"),
        ));
    }
    Ok(bytes)
}

fn unreadable(error: &io::Error) -> Failure {
    Failure::usage(Diagnostic::new("file-unreadable", format!("failed to read the input: {error}")))
}

struct Eval<'a> {
    template: RequestTemplate,
    setting: Setting<'a>,
    program: &'a super::modules::Callable,
    limits: &'a Limits,
    subject: &'a Subject,
    name: &'a str,
}

impl Eval<'_> {
    fn one(&self, input: &RawValue) -> Outcome {
        let judgement = self.ask(input, &mut Lane::alone(self.program));
        let exit = exit_of(&judgement);
        term::out_line(&outcome_json(&judgement, Some(&self.subject.identity()), true))?;
        if !judgement.notes.is_empty() {
            term::note(&format!("the gate says: {}", portcullis::text::excerpt(&judgement.notes, 2_000)));
        }
        Ok(exit)
    }

    fn ask(&self, input: &RawValue, lane: &mut Lane<'_>) -> Judgement {
        let (program, buffers) = lane.parts();
        self.template.fill(input, &mut buffers.request);
        ask(program, self.name, self.subject.kind, self.limits, self.setting, buffers)
    }

    /// Threads take lines and write outcomes for as long as there are any: were they to wait for each other after every
    /// batch, one would often have nothing to do.
    fn lines(&self, path: Option<&Path>) -> Outcome {
        let batches = read_ahead(path, self.limits.input)?;
        let Some(first) = self.next(&batches)? else {
            self.uninterrupted()?;
            return Err(Failure::usage(Diagnostic::new("no-lines", "there is no line to ask about")));
        };
        let jobs = self.setting.jobs;
        let lanes = Lanes::new(self.program, jobs, first.len());
        let (feed, ordered) = (Mutex::new(Feed::new(batches, first, jobs)), Ordered::new(jobs * AHEAD));
        let work = || self.work(&feed, &ordered, lanes.lane());
        let ended = thread::scope(|scope| {
            let others: Vec<_> = (1..jobs).map(|_| scope.spawn(work)).collect();
            let own = work();
            let joined =
                others.into_iter().map(|other| other.join().unwrap_or_else(|panic| panic::resume_unwind(panic)));
            joined.fold(own, |all, one| Ok(worse(all?, one?)))
        })?;
        self.uninterrupted()?;
        Ok(ended)
    }

    fn uninterrupted(&self) -> Result<(), Failure> {
        if self.setting.cancelled.load(Ordering::Relaxed) {
            return Err(Failure::blocked(Diagnostic::new("interrupted", "interrupted before the last line")));
        }
        Ok(())
    }

    /// One thread's share: asks about the lines that it takes, until there are none.
    fn work(&self, feed: &Mutex<Feed>, ordered: &Ordered<String>, mut lane: Lane<'_>) -> Outcome {
        let mut exit = Exit::Ok;
        while !ordered.has_ended() {
            let mut locked = feed.lock().unwrap_or_else(PoisonError::into_inner);
            let Some((number, lines)) = self.take(&mut locked)? else { break };
            drop(locked);
            let piece = ordered.piece(number);
            let mut text = String::new();
            for line in &lines {
                let (outcome, ended) = self.line(line, &mut lane);
                text.push_str(&outcome);
                text.push('\n');
                exit = worse(exit, ended);
            }
            piece.done(text, |text| term::out(&text))?;
        }
        Ok(exit)
    }

    /// The next few lines and which they are, waiting for them.
    fn take(&self, feed: &mut Feed) -> Result<Option<(usize, Vec<Line>)>, Failure> {
        if feed.lines.len() == 0 {
            match self.next(&feed.batches)? {
                Some(batch) => feed.fill(batch, self.setting.jobs),
                None => return Ok(None),
            }
        }
        let number = feed.taken;
        feed.taken += 1;
        Ok(Some((number, feed.lines.by_ref().take(feed.part).collect())))
    }

    /// The next lines; nothing at their end, or once the user has asked for one.
    fn next(&self, batches: &Batches) -> Result<Option<Vec<Line>>, Failure> {
        while !self.setting.cancelled.load(Ordering::Relaxed) {
            match batches.recv_timeout(LOOK) {
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Ok(batch) => return batch.map(Some).map_err(|error| unreadable(&error)),
            }
        }
        Ok(None)
    }

    fn line(&self, line: &Line, lane: &mut Lane<'_>) -> (String, Exit) {
        let judgement = match line {
            Line::TooLong => fault(Cause::Evidence, format!("the line is larger than {} bytes", self.limits.input)),
            Line::Input(bytes) => match std::str::from_utf8(bytes) {
                Err(_) => fault(Cause::Evidence, "the line is not UTF-8".to_owned()),
                Ok(text) => match document(text) {
                    Ok(input) => self.ask(input, lane),
                    Err(error) => fault(Cause::Evidence, format!("the line is not one JSON document: {error}")),
                },
            },
        };
        (outcome_json(&judgement, None, false), exit_of(&judgement))
    }
}

/// Lines on their way to the threads.
struct Feed {
    batches: Batches,
    /// What is left of the last batch.
    lines: vec::IntoIter<Line>,
    /// How many of it a thread takes at once.
    part: usize,
    /// How often some were taken.
    taken: usize,
}

impl Feed {
    fn new(batches: Batches, first: Vec<Line>, jobs: usize) -> Self {
        let mut feed = Self { batches, lines: Vec::new().into_iter(), part: 1, taken: 0 };
        feed.fill(first, jobs);
        feed
    }

    fn fill(&mut self, batch: Vec<Line>, jobs: usize) {
        self.part = (batch.len() / (jobs * PARTS_A_THREAD)).max(1);
        self.lines = batch.into_iter();
    }
}

fn worse(one: Exit, other: Exit) -> Exit {
    if other == Exit::Ok { one } else { other }
}

fn exit_of(judgement: &Judgement) -> Exit {
    if matches!(judgement.outcome, Judged::Answered(_)) { Exit::Ok } else { Exit::Blocked }
}

fn fault(cause: Cause, message: String) -> Judgement {
    Judgement { outcome: Judged::Fault(Fault { cause, message }), usage: Usage::default(), notes: String::new() }
}

fn open(path: &Path) -> Result<File, Failure> {
    let file = File::open(path).map_err(|error| {
        let message = format!("failed to read `{}`: {error}", portcullis::files::shown(path));
        Failure::usage(Diagnostic::new("file-unreadable", message))
    })?;
    let is_folder = file.metadata().is_ok_and(|metadata| metadata.is_dir());
    if is_folder { Err(portcullis::files::FileError::NotAFile(path.to_owned()).into()) } else { Ok(file) }
}

type Batches = Receiver<io::Result<Vec<Line>>>;

/// Reads batches one ahead, on a thread that nobody waits for: while it waits for input, a Ctrl-C is seen all the same.
fn read_ahead(path: Option<&Path>, cap: u64) -> Result<Batches, Failure> {
    let file = path.filter(|path| *path != Path::new("-")).map(open).transpose()?;
    let (send, batches) = mpsc::sync_channel(0);
    thread::spawn(move || {
        let source: Box<dyn Read> = match file {
            Some(file) => Box::new(file),
            None => Box::new(io::stdin().lock()),
        };
        let mut reader = BufReader::with_capacity(1 << 20, source);
        loop {
            let batch = read_batch(&mut reader, cap);
            let failed = batch.is_err();
            if batch.as_ref().is_ok_and(Vec::is_empty) || send.send(batch).is_err() || failed {
                return;
            }
        }
    });
    Ok(batches)
}

/// One line of input.
enum Line {
    Input(Vec<u8>),
    /// It passed the input limit and was not kept.
    TooLong,
}

/// Lines as far as they are there: one that is waited for would keep the outcomes of those before it back.
fn read_batch(reader: &mut BufReader<Box<dyn Read>>, cap: u64) -> io::Result<Vec<Line>> {
    let (mut batch, mut bytes) = (Vec::new(), 0);
    while batch.len() < BATCH && bytes < BATCH_BYTES && (batch.is_empty() || !reader.buffer().is_empty()) {
        let mut line = Vec::new();
        let taken = Read::by_ref(reader).take(cap.saturating_add(2)).read_until(b'\n', &mut line)?;
        if taken == 0 {
            break;
        }
        let whole = line.last() == Some(&b'\n');
        if whole {
            line.pop();
        }
        if line.len() as u64 > cap {
            if !whole {
                skip_line(reader)?;
            }
            batch.push(Line::TooLong);
        } else {
            bytes += line.len();
            batch.push(Line::Input(line));
        }
    }
    Ok(batch)
}

/// Passes over the rest of a line without keeping it.
fn skip_line(reader: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let (used, done) = (end.map_or(buffer.len(), |end| end + 1), end.is_some() || buffer.is_empty());
        reader.consume(used);
        if done {
            return Ok(());
        }
    }
}
