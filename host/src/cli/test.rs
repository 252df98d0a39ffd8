//! `portcullis test`: a gate's cases against its built module.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

use anstyle::{AnsiColor, Style};
use portcullis::{
    cases::{self, EXPECTED, Expected, INPUT, Question},
    diagnostic::Diagnostic,
    files::{FileError, read_capped, shown, write_whole},
    judge::{Judgement, Outcome as Judged, RequestTemplate},
    limits::Limits,
    run::{Setting, ask},
    sandbox::{Buffers, Throughput, Tier},
    text::{counted, excerpt, printable},
};

use super::{
    Exit, Failure, Outcome,
    build::Build,
    cargo, host,
    modules::{Against, Callable, Subject},
    term,
};

const GOOD: Style = AnsiColor::Green.on_default();
const BAD: Style = AnsiColor::Red.on_default().bold();
/// Bytes of an expectation that are read.
const EXPECTED_CAP: u64 = 1 << 20;
/// How much of a gate's own notes is shown, in characters.
const NOTES: usize = 400;

/// Run a gate's cases
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  portcullis test\n  portcullis test gates\n  portcullis test gate.wasm --cases my-cases --bless"
)]
pub(crate) struct Args {
    /// Gate crates, folders of them, or modules; crates are built first
    #[arg(value_name = "PATH", default_value = ".")]
    paths: Vec<PathBuf>,
    /// The folder of cases [default: `cases` beside Cargo.toml or the module]
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// Take what the gate answers now as what is expected
    #[arg(long)]
    bless: bool,
    #[command(flatten)]
    cache: host::CacheFlags,
}

/// The cases of a crate or a module.
struct Suite {
    /// Where the cases are.
    folder: PathBuf,
    cases: Vec<Case>,
    /// The crate's folder, if it is one that has to be built.
    crate_folder: Option<PathBuf>,
    modules: Vec<PathBuf>,
}

struct Case {
    name: String,
    question: Question,
    expected: Option<Expected>,
}

/// How many cases did what.
#[derive(Default)]
struct Tally {
    held: usize,
    failed: usize,
    changed: usize,
}

impl Args {
    pub(crate) fn execute(self, global: &term::Global) -> Outcome {
        let suites = self.suites()?;
        let limits = Limits::default();
        let sandbox = host::sandbox(Throughput::Few, &self.cache, global.verbose)?;
        let run_id = host::run_id(host::now(None))?;
        let cancelled = host::watch_interrupts();
        let mut tally = Tally::default();
        for suite in &suites {
            for module in &suite.modules {
                let subject = Subject::open(module, &limits, Ok(Against::Nobody))?;
                let program = subject.load(&sandbox, Tier::Fast, &limits, global.verbose)?;
                let asked = Asked { subject: &subject, program: &program, limits: &limits, run_id: &run_id, cancelled };
                self.run(suite, &asked, &mut tally)?;
            }
        }
        let changed = if self.bless { format!(", {} rewritten", tally.changed) } else { String::new() };
        term::out_line(&format!("{} held, {} did not{changed}", counted(tally.held, "case", "cases"), tally.failed))?;
        Ok(if tally.failed == 0 { Exit::Ok } else { Exit::No })
    }

    /// Every case is read before anything is built, and everything is built before anything runs.
    fn suites(&self) -> Result<Vec<Suite>, Failure> {
        let (modules, crates): (Vec<PathBuf>, Vec<PathBuf>) =
            self.paths.iter().cloned().partition(|path| path.is_file());
        let workspaces = cargo::find(&crates)?;
        let crates = workspaces.iter().flat_map(|workspace| &workspace.crates).map(|it| it.folder.clone());
        let mut problems = Vec::new();
        let mut suites: Vec<Suite> = Vec::new();
        for module in modules {
            let folder = self.folder(module.parent().unwrap_or(Path::new("")));
            let cases = read_cases(&folder, self.bless, &mut problems);
            suites.push(Suite { folder, cases, crate_folder: None, modules: vec![module] });
        }
        for crate_folder in crates {
            let folder = self.folder(&self.named(&crate_folder));
            let cases = read_cases(&folder, self.bless, &mut problems);
            suites.push(Suite { folder, cases, crate_folder: Some(crate_folder), modules: Vec::new() });
        }
        if self.cases.is_some() && suites.len() > 1 {
            problems.push(Diagnostic::new("many-gates", "`--cases` is one gate's folder, and several gates are named"));
        }
        if !problems.is_empty() {
            return Err(Failure::all(Exit::Usage, problems));
        }
        for module in Build::default().run(&workspaces)? {
            let its = |suite: &&mut Suite| suite.crate_folder.as_ref() == Some(&module.folder);
            suites.iter_mut().filter(its).for_each(|suite| suite.modules.push(module.path.clone()));
        }
        Ok(suites)
    }

    /// A folder that lies in one of the paths, in the user's own words for that path.
    fn named(&self, folder: &Path) -> PathBuf {
        let named = self.paths.iter().find_map(|path| {
            let below = folder.strip_prefix(path.canonicalize().ok()?).ok()?;
            // Neither `./cases` for `cases`, nor a separator behind the last name.
            let path = if path == Path::new(".") { Path::new("") } else { path };
            Some(path.components().chain(below.components()).collect())
        });
        named.unwrap_or_else(|| folder.to_owned())
    }

    fn folder(&self, beside: &Path) -> PathBuf {
        self.cases.clone().unwrap_or_else(|| beside.join("cases"))
    }

    fn run(&self, suite: &Suite, asked: &Asked<'_>, tally: &mut Tally) -> Result<(), Failure> {
        term::out_line(&format!("{}  {}", printable(&asked.subject.name), shown(&suite.folder)))?;
        let width = suite.cases.iter().map(|case| case.name.chars().count()).max().unwrap_or(0);
        for case in &suite.cases {
            let judgement = asked.ask(case);
            if asked.cancelled.load(Ordering::Relaxed) {
                return Err(Failure::blocked(Diagnostic::new("interrupted", "interrupted before the last case")));
            }
            if self.bless {
                self.bless(&suite.folder, case, &judgement, tally)?;
                continue;
            }
            let difference = case.expected.as_ref().and_then(|expected| cases::difference(expected, &judgement));
            let (mark, count) = if difference.is_none() {
                (good("ok    "), &mut tally.held)
            } else {
                (bad("FAILED"), &mut tally.failed)
            };
            *count += 1;
            let (name, fuel) = (printable(&case.name), judgement.usage.fuel);
            term::out_line(&format!("  {mark}  {name:width$}  {fuel:>12} fuel"))?;
            if let Some(difference) = difference {
                term::out(&told(&difference, &judgement))?;
            }
        }
        Ok(())
    }

    fn bless(&self, folder: &Path, case: &Case, judgement: &Judgement, tally: &mut Tally) -> Result<(), Failure> {
        let path = folder.join(format!("{}{EXPECTED}", case.name));
        let name = printable(&case.name);
        let text = match cases::bless(case.expected.as_ref(), judgement) {
            Ok(text) => text,
            Err(error) => {
                tally.failed += 1;
                term::out_line(&format!("  {}  {name}: {error}", bad("FAILED")))?;
                return term::out(&told("", judgement));
            }
        };
        tally.held += 1;
        if fs::read(&path).is_ok_and(|before| before == text.as_bytes()) {
            return term::out_line(&format!("  same     {name}"));
        }
        write_whole(&path, text.as_bytes(), 0o644)?;
        tally.changed += 1;
        term::out_line(&format!("  {}  {name}", good("written")))
    }
}

/// A module that can be asked.
struct Asked<'a> {
    subject: &'a Subject,
    program: &'a Callable,
    limits: &'a Limits,
    run_id: &'a str,
    cancelled: &'static AtomicBool,
}

impl Asked<'_> {
    fn ask(&self, case: &Case) -> Judgement {
        let Question { params, input, now } = &case.question;
        let Subject { name, kind, .. } = self.subject;
        let mut buffers = Buffers::default();
        RequestTemplate::new(name, *kind, params, *now, self.run_id).fill(input, &mut buffers.request);
        let setting = Setting { now: *now, run_id: self.run_id, jobs: 1, cancelled: self.cancelled };
        ask(self.program, name, *kind, self.limits, setting, &mut buffers)
    }
}

/// The cases in a folder; what is wrong with them goes to `problems`.
fn read_cases(folder: &Path, bless: bool, problems: &mut Vec<Diagnostic>) -> Vec<Case> {
    let names = match names_in(folder) {
        Ok(names) => names,
        Err(error) => {
            problems.push(error.into());
            return Vec::new();
        }
    };
    let (pairs, wrong) = cases::pair(names.iter().map(String::as_str));
    let help = format!("make NAME{INPUT} with {{\"params\":{{}},\"input\":…}}, then `portcullis test --bless`");
    let told = |it: cases::NotPaired| Diagnostic::new(it.code(), it.to_string()).at(shown(folder)).help(help.clone());
    problems.extend(wrong.into_iter().map(told));
    let read = |pair: cases::Case| match read_case(folder, pair, bless) {
        Ok(case) => Some(case),
        Err(problem) => {
            problems.push(problem);
            None
        }
    };
    pairs.into_iter().filter_map(read).collect()
}

/// The names of the files in a folder of cases; none if there is no such folder.
fn names_in(folder: &Path) -> Result<Vec<String>, FileError> {
    let failed = |error| FileError::Read(folder.to_owned(), error);
    let entries = match folder.read_dir() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    entries.map(|entry| Ok(entry.map_err(failed)?.file_name().to_string_lossy().into_owned())).collect()
}

fn read_case(folder: &Path, pair: cases::Case, bless: bool) -> Result<Case, Diagnostic> {
    let file = |end: &str| folder.join(format!("{}{end}", pair.name));
    let input = file(INPUT);
    let question =
        Question::read(&read_capped(&input, Limits::default().input)?).map_err(|bad| misread(&input, &bad))?;
    let path = file(EXPECTED);
    let expected = match pair.has_expected {
        true => Some(Expected::read(&read_capped(&path, EXPECTED_CAP)?).map_err(|bad| misread(&path, &bad))?),
        false if bless => None,
        false => {
            let message = format!("`{}` is missing, so the case expects nothing", shown(&path));
            let problem = Diagnostic::new("case-without-expected", message);
            return Err(problem.help("`portcullis test --bless` writes what the gate answers now"));
        }
    };
    Ok(Case { name: pair.name, question, expected })
}

fn misread(path: &Path, bad: &cases::BadCase) -> Diagnostic {
    let place = if bad.line == 0 { shown(path) } else { format!("{}:{}:{}", shown(path), bad.line, bad.column) };
    Diagnostic::new(bad.code(), bad.to_string()).at(place)
}

/// A difference, and what the gate and the sandbox say to it.
fn told(difference: &str, judgement: &Judgement) -> String {
    let line = |line: &str| match line.as_bytes().first() {
        Some(b'-') => format!("          {}\n", bad(line)),
        Some(b'+') => format!("          {}\n", good(line)),
        _ => format!("          {line}\n"),
    };
    let mut text: String = difference.lines().map(line).collect();
    let said = match &judgement.outcome {
        Judged::Fault(fault) => &fault.message,
        Judged::Answered(answer) => &answer.summary,
    };
    for (who, said) in [("outcome", said), ("notes", &judgement.notes)] {
        if !said.is_empty() {
            text.push_str(&format!("          {who}: {}\n", excerpt(said, NOTES)));
        }
    }
    text
}

fn good(text: &str) -> String {
    format!("{GOOD}{text}{GOOD:#}")
}

fn bad(text: &str) -> String {
    format!("{BAD}{text}{BAD:#}")
}
