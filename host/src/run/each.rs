//! A validator over many files: each its own call with its own limits, so that a hostile or broken file costs only its own
//! result; in the order of the files, whatever the number of threads.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use portcullis_sdk::Kind;

use super::{
    Setting,
    ask::call,
    calls::{Call, File},
    lanes::{Lane, Lanes},
    load::{MANY_FILES, POOLED_FILES},
};
use crate::{
    digest::Digest,
    evidence::Matched,
    findings::{Document, Looked, Rules, Scanned, suppressions::Used},
    judge::{Cause, Fault, Judgement, RequestTemplate},
    limits::Limits,
    parallel::{find_in_parallel, in_parallel_with},
    sandbox::{Program, Throughput, Tier},
};

/// A validator, and how it is asked.
pub struct Validator<'a> {
    /// What is called.
    pub program: &'a Program,
    /// The name that it is told.
    pub name: &'a str,
    /// Its limits, for each call.
    pub limits: &'a Limits,
    /// Its requests, but for the document.
    pub template: &'a RequestTemplate,
    /// Whether its calls are kept, which takes the room of every file.
    pub keeps: bool,
}

/// How a sandbox is set up, and how much work compiling is worth, for a validator over so many files.
#[must_use]
pub fn for_files(files: usize) -> (Throughput, Tier) {
    let throughput = if files >= POOLED_FILES { Throughput::Many } else { Throughput::Few };
    (throughput, if files >= MANY_FILES { Tier::Optimised } else { Tier::Fast })
}

/// What each file came to, in their order, and which suppressions matched. `keep` makes of each what is wanted of it, on the
/// thread that looked at it, so that what is not wanted takes no room, and is handed the call where calls are kept; `tell` is
/// told how many have ended. Both come from several threads.
#[must_use]
pub fn look_at<R: Send>(
    validator: &Validator<'_>,
    matched: &Matched,
    rules: &Rules<'_>,
    setting: Setting<'_>,
    keep: impl Fn(&str, Looked, Call) -> R + Sync,
    tell: impl Fn(usize) + Sync,
) -> (Vec<R>, Used) {
    let round = Round { validator, matched, rules, setting, digests: true };
    let hands = Hands::new(validator.program, setting, matched.len());
    let files: Vec<(usize, &str)> = matched.paths().enumerate().collect();
    let looked = in_parallel_with(
        setting.jobs,
        &files,
        || hands.hand(),
        |hand, (number, path)| {
            let (looked, call) = round.look((*number, path), hand);
            tell(hands.ended());
            keep(path, looked, call)
        },
    );
    (looked, hands.used())
}

/// What the files came to that are not clean, each with its number, and which suppressions matched. `note` sees what becomes
/// of each, `tell` is as above. Of a clean file nothing takes room, no digest is made of any, and no call is kept.
#[must_use]
pub fn scan(
    validator: &Validator<'_>,
    matched: &Matched,
    rules: &Rules<'_>,
    setting: Setting<'_>,
    note: impl Fn(&Looked) + Sync,
    tell: impl Fn(usize) + Sync,
) -> (Vec<(usize, Scanned)>, Used) {
    let round = Round { validator, matched, rules, setting, digests: false };
    let hands = Hands::new(validator.program, setting, matched.len());
    let others = find_in_parallel(
        setting.jobs,
        matched.len(),
        || hands.hand(),
        |hand, number| {
            let (looked, _) = round.look((number, matched.path(number)), hand);
            tell(hands.ended());
            note(&looked);
            Some(looked.scanned()).filter(|scanned| *scanned != Scanned::CLEAN)
        },
    );
    (others, hands.used())
}

/// What the threads work with.
struct Hands<'p> {
    lanes: Lanes<'p>,
    /// Which suppressions matched, of the threads that have ended.
    used: Mutex<Used>,
    /// How many files were looked at.
    ended: AtomicUsize,
}

/// What one thread works with. What it counted is added to the rest when it ends.
struct Hand<'h> {
    lane: Lane<'h>,
    used: Used,
    all_used: &'h Mutex<Used>,
}

impl<'p> Hands<'p> {
    fn new(program: &'p Program, setting: Setting<'_>, files: usize) -> Self {
        let lanes = Lanes::new(program, setting.jobs, files);
        Self { lanes, used: Mutex::default(), ended: AtomicUsize::new(0) }
    }

    fn hand(&self) -> Hand<'_> {
        Hand { lane: self.lanes.lane(), used: Used::default(), all_used: &self.used }
    }

    /// One more has ended: how many have.
    fn ended(&self) -> usize {
        self.ended.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn used(self) -> Used {
        self.used.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Hand<'_> {
    fn drop(&mut self) {
        let mut all = self.all_used.lock().unwrap_or_else(PoisonError::into_inner);
        *all = std::mem::take(&mut *all).merge(&self.used);
    }
}

/// What is the same for each file.
struct Round<'a> {
    validator: &'a Validator<'a>,
    matched: &'a Matched,
    rules: &'a Rules<'a>,
    setting: Setting<'a>,
    /// Whether it is to be told which bytes were seen.
    digests: bool,
}

impl Round<'_> {
    fn look(&self, (number, path): (usize, &str), hand: &mut Hand<'_>) -> (Looked, Call) {
        if self.setting.cancelled.load(Ordering::Relaxed) {
            return self.unread(path, super::interrupted());
        }
        let (digest, bytes) = match self.read(number) {
            Ok(read) => read,
            Err(message) => return self.unread(path, Fault { cause: Cause::Evidence, message }),
        };
        let Validator { name, limits, template, keeps, .. } = self.validator;
        let file = keeps.then(|| File { path: path.to_owned(), bytes: Some(bytes.clone()) });
        let document = Document::of(digest, bytes);
        let (program, buffers) = hand.lane.parts();
        template.fill_document(path, &document.text, &mut buffers.request);
        let (fault, usage) = call(program, name, limits, self.setting, buffers);
        let called = file.map(|file| Call {
            file: Some(file),
            request: Vec::new(),
            answer: buffers.stdout.clone(),
            notes: buffers.stderr.clone(),
            fault: fault.clone(),
            usage,
        });
        let judgement = Judgement::of(Kind::Validator, fault, &buffers.stdout, &buffers.stderr, usage);
        (Looked::at(path, &document, judgement, self.rules, &mut hand.used), called.unwrap_or_default())
    }

    fn read(&self, number: usize) -> Result<(Option<Digest>, Vec<u8>), String> {
        let cap = self.validator.limits.input;
        if self.digests {
            return self.matched.read(number, cap).map(|(digest, bytes)| (Some(digest), bytes));
        }
        self.matched.bytes(number, cap).map(|bytes| (None, bytes))
    }

    fn unread(&self, path: &str, fault: Fault) -> (Looked, Call) {
        let file = self.validator.keeps.then(|| File { path: path.to_owned(), bytes: None });
        let call = Call { file, fault: Some(fault.clone()), ..Call::default() };
        (Looked::unread(path, fault), call)
    }
}
