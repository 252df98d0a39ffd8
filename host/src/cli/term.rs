//! The terminal: colour, diagnostics, results. Results go to stdout, everything else to stderr.

use std::{
    io::{self, IsTerminal, Write},
    sync::atomic::{AtomicBool, Ordering},
};

use anstyle::{AnsiColor, Style};
use clap::ValueEnum;
use portcullis::{diagnostic::Diagnostic, report, text::printable};
use serde::Serialize;

use super::{Exit, Failure};

const ERROR: Style = AnsiColor::Red.on_default().bold();
const WARNING: Style = AnsiColor::Yellow.on_default().bold();
const NOTE: Style = AnsiColor::Cyan.on_default();
const DIM: Style = Style::new().dimmed();

/// Whether only results and errors are told; settled once, like colour.
static QUIET: AtomicBool = AtomicBool::new(false);

/// Flags that every command takes.
#[derive(clap::Args)]
pub(crate) struct Global {
    /// When to colour: NO_COLOR, FORCE_COLOR and TERM=dumb are honoured under auto
    #[arg(long, global = true, value_enum, default_value_t = Color::Auto, value_name = "WHEN")]
    color: Color,
    /// Say more: cache and timing notes
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Say nothing but results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

impl Global {
    /// Settles colour for the process, and whether notes are told.
    pub(crate) fn apply(&self) {
        QUIET.store(self.quiet, Ordering::Relaxed);
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
        let choice = match self.color {
            Color::Always => anstream::ColorChoice::Always,
            Color::Never => anstream::ColorChoice::Never,
            Color::Auto if set("NO_COLOR") => anstream::ColorChoice::Never,
            Color::Auto if set("FORCE_COLOR") => anstream::ColorChoice::Always,
            Color::Auto => anstream::ColorChoice::Auto,
        };
        choice.write_global();
    }
}

/// Writes a result to stdout. A reader that has gone away ends the command quietly; a full disk does not.
pub(crate) fn out(text: &str) -> Result<(), Failure> {
    // Where there is no escape, none is taken out for a reader that wants none; looking for them takes longer than writing.
    if text.contains('\u{1b}') {
        let mut stdout = anstream::stdout().lock();
        return told(stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()));
    }
    out_filled(|stdout| stdout.write_all(text.as_bytes()))
}

/// Writes a result to stdout that is never there as a whole; nothing in it is for a terminal alone.
pub(crate) fn out_filled(
    fill: impl FnOnce(&mut io::BufWriter<io::StdoutLock<'_>>) -> io::Result<()>,
) -> Result<(), Failure> {
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    told(fill(&mut stdout).and_then(|()| stdout.flush()))
}

fn told(written: io::Result<()>) -> Result<(), Failure> {
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            Err(Failure::blocked(Diagnostic::new("stdout-failed", format!("failed to write the result: {error}"))))
        }
        _ => Ok(()),
    }
}

/// Writes raw bytes that are a result, such as JSON, to stdout.
pub(crate) fn out_line(text: &str) -> Result<(), Failure> {
    out(&format!("{text}\n"))
}

/// Writes a result to stdout as indented JSON.
pub(crate) fn out_json(value: &impl Serialize) -> Result<(), Failure> {
    out(&report::pretty(value).map_err(unserializable)?)
}

/// Writes a result to stdout as one line of JSON.
pub(crate) fn out_json_line(value: &impl Serialize) -> Result<(), Failure> {
    out(&report::line(value).map_err(unserializable)?)
}

fn unserializable(error: serde_json::Error) -> Failure {
    Failure::blocked(Diagnostic::new("stdout-failed", format!("the result could not be written as JSON: {error}")))
}

/// Tells something on stderr that is no result; nothing under `--quiet`, or if stderr is gone.
pub(crate) fn note(text: &str) {
    if !QUIET.load(Ordering::Relaxed) {
        caution(text);
    }
}

/// Tells something on stderr that is no result, but that nobody should miss; nothing if stderr is gone.
pub(crate) fn caution(text: &str) {
    let _ = writeln!(anstream::stderr(), "{NOTE}note{NOTE:#}: {text}");
}

/// Writes text to stderr as it is.
pub(crate) fn err(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// Writes a line to stderr as it is.
pub(crate) fn say(text: &str) {
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Writes a line to stderr that the next one replaces. Only for a terminal that a person watches.
pub(crate) fn transient(text: &str) {
    let _ = write!(anstream::stderr(), "\r\x1b[K{text}");
}

/// Whether a person watches stderr.
pub(crate) fn is_watched() -> bool {
    io::stderr().is_terminal() && std::env::var_os("CI").is_none()
}

/// Shows problems on stderr, each with its code, place and fix.
pub(crate) fn show_all(problems: &[Diagnostic]) {
    let mut stderr = anstream::stderr().lock();
    for problem in problems {
        // A workflow's runner reads this too, and would obey some of what it finds in the middle of a line.
        let _ = write!(stderr, "{}", report::github::defused(&rendered(problem, ERROR, "error")));
    }
    if problems.len() > 1 {
        let _ = writeln!(stderr, "{DIM}{} problems{DIM:#}", problems.len());
    }
}

/// Shows what does not keep the command from its work, but should be known.
pub(crate) fn warn_all(problems: &[Diagnostic]) {
    for problem in problems {
        err(&report::github::defused(&rendered(problem, WARNING, "warning")));
    }
}

fn rendered(problem: &Diagnostic, style: Style, word: &str) -> String {
    let mut text = format!("{style}{word}[{}]{style:#}: {}\n", problem.code, printable(&problem.message));
    if let Some(place) = &problem.place {
        text.push_str(&format!("  {DIM}at{DIM:#}   {}\n", printable(place)));
    }
    if let Some(help) = &problem.help {
        text.push_str(&format!("  {DIM}help{DIM:#} {}\n", printable(help)));
    }
    text
}

/// How long ago something was, for people: in days, or in hours and minutes within the first two.
pub(crate) fn age(seconds: i64) -> String {
    let (count, unit) = match seconds {
        i64::MIN..60 => return "made just now".to_owned(),
        60..7_200 => (seconds / 60, "minutes"),
        7_200..172_800 => (seconds / 3_600, "hours"),
        _ => (seconds / 86_400, "days"),
    };
    format!("{count} {unit} old")
}

/// What clap has to say: help on stdout, misuse on stderr.
pub(crate) fn usage_error(error: &clap::Error) -> Exit {
    let _ = error.print();
    if error.use_stderr() { Exit::Usage } else { Exit::Ok }
}
