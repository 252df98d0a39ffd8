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
    evidence::Matched,
    findings::{Document, Looked, Rules, suppressions::Used},
    judge::{Cause, Fault, Judgement, RequestTemplate},
    limits::Limits,
    parallel::in_parallel_with,
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
    let files: Vec<(usize, &str)> = matched.paths().enumerate().collect();
    let lanes = Lanes::new(validator.program, setting.jobs, files.len());
    let ended = AtomicUsize::new(0);
    let all_used = Mutex::new(Used::default());
    let start = || Hand { lane: lanes.lane(), used: Used::default(), all_used: &all_used };
    let looked = in_parallel_with(setting.jobs, &files, start, |hand, (index, path)| {
        let (looked, call) = validator.look(matched, (*index, path), rules, setting, hand);
        tell(ended.fetch_add(1, Ordering::Relaxed) + 1);
        keep(path, looked, call)
    });
    (looked, all_used.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// What one thread works with. What it counted is added to the rest when it ends.
struct Hand<'l> {
    lane: Lane<'l>,
    used: Used,
    all_used: &'l Mutex<Used>,
}

impl Drop for Hand<'_> {
    fn drop(&mut self) {
        let mut all = self.all_used.lock().unwrap_or_else(PoisonError::into_inner);
        *all = std::mem::take(&mut *all).merge(&self.used);
    }
}

impl Validator<'_> {
    fn look(
        &self,
        matched: &Matched,
        (index, path): (usize, &str),
        rules: &Rules<'_>,
        setting: Setting<'_>,
        hand: &mut Hand<'_>,
    ) -> (Looked, Call) {
        if setting.cancelled.load(Ordering::Relaxed) {
            return self.unread(path, super::interrupted());
        }
        let (digest, bytes) = match matched.read(index, self.limits.input) {
            Ok(read) => read,
            Err(message) => return self.unread(path, Fault { cause: Cause::Evidence, message }),
        };
        let file = self.keeps.then(|| File { path: path.to_owned(), bytes: Some(bytes.clone()) });
        let document = Document::of(digest, bytes);
        let Lane { program, buffers } = &mut hand.lane;
        self.template.fill_document(path, &document.text, &mut buffers.request);
        let (fault, usage) = call(program, self.name, self.limits, setting, buffers);
        let called = file.map(|file| Call {
            file: Some(file),
            request: Vec::new(),
            answer: buffers.stdout.clone(),
            notes: buffers.stderr.clone(),
            fault: fault.clone(),
            usage,
        });
        let judgement = Judgement::of(Kind::Validator, fault, &buffers.stdout, &buffers.stderr, usage);
        (Looked::at(path, &document, judgement, rules, &mut hand.used), called.unwrap_or_default())
    }

    fn unread(&self, path: &str, fault: Fault) -> (Looked, Call) {
        let file = self.keeps.then(|| File { path: path.to_owned(), bytes: None });
        let call = Call { file, fault: Some(fault.clone()), ..Call::default() };
        (Looked::unread(path, fault), call)
    }
}
