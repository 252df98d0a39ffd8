//! The command line: one file a command. The only room that prints, reads the clock and the environment, and opens what a
//! user names.

mod agent;
mod approve;
mod baseline;
mod bench;
mod build;
mod cache;
mod cargo;
mod collect;
mod demo;
mod documents;
mod eval;
mod evidence;
mod git;
mod github;
mod graph;
mod history;
mod host;
mod inspect;
mod key;
mod ledger;
mod live;
mod migrate;
mod modules;
mod new;
mod output;
mod outputs;
mod replay;
mod resume;
mod revocations;
mod run;
mod rustc;
mod scan;
mod sign;
mod state;
mod subject;
mod suppress;
mod table;
mod templates;
mod term;
mod test;
mod trust;
mod trust_files;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use portcullis::{
    diagnostic::Diagnostic,
    files::FileError,
    govern::{SUPERVISE, serve_supervisor},
    sandbox::{Compiler, serve_compile},
    stopped::{Stop, Stopped},
};

/// The statuses that CI lives by (DESIGN: go, no-go, usage, blocked, refused).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Go, or the command did what it was asked.
    Ok = 0,
    /// No-go, or what was looked at is not as it should be.
    No = 1,
    /// The command or the manifest is wrong; nothing ran.
    Usage = 2,
    /// No decision could be made.
    Blocked = 3,
    /// Something is not to be trusted; nothing ran.
    Refused = 4,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// Why a command did not do what it was asked: what is told, and the status.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    problems: Vec<Diagnostic>,
}

impl Failure {
    pub(crate) fn new(exit: Exit, problem: impl Into<Diagnostic>) -> Self {
        Self { exit, problems: vec![problem.into()] }
    }

    pub(crate) fn all(exit: Exit, problems: Vec<Diagnostic>) -> Self {
        Self { exit, problems }
    }

    /// What the user typed, or named, is wrong.
    pub(crate) fn usage(problem: impl Into<Diagnostic>) -> Self {
        Self::new(Exit::Usage, problem)
    }

    /// Nobody can say.
    pub(crate) fn blocked(problem: impl Into<Diagnostic>) -> Self {
        Self::new(Exit::Blocked, problem)
    }
}

impl From<Stopped> for Failure {
    fn from(stopped: Stopped) -> Self {
        let exit = match stopped.stop {
            Stop::Usage => Exit::Usage,
            Stop::Blocked => Exit::Blocked,
            Stop::Refused => Exit::Refused,
        };
        Self { exit, problems: stopped.problems }
    }
}

impl From<FileError> for Failure {
    /// A file that cannot be read was named wrongly; one that cannot be written leaves the work undone.
    fn from(error: FileError) -> Self {
        let exit = if matches!(error, FileError::Write(..)) { Exit::Blocked } else { Exit::Usage };
        Self::new(exit, error)
    }
}

pub(crate) type Outcome = Result<Exit, Failure>;

/// Runs signed WebAssembly gates in a sandbox and combines their verdicts into one go or no-go decision.
#[derive(Parser)]
#[command(name = "portcullis", version, subcommand_required = true, arg_required_else_help = true)]
#[command(help_template = HELP, disable_help_subcommand = true, propagate_version = false)]
struct Cli {
    #[command(flatten)]
    global: term::Global,
    #[command(subcommand)]
    command: Command,
}

const HELP: &str = "\
{about}

{usage-heading} {usage}

Decide:
  run         Run a manifest's gates and decide go or no-go
  graph       Draw a manifest's stages and gates, and what a run came to
  eval        Ask one gate one question, or many; decides nothing
  collect     Record a manifest's evidence without judging it
  approve     Sign off what a gate left to people

Remember:
  ledger      Look into what was kept of past runs, and check it
  resume      Go on with a run that was broken off
  replay      Judge a past run again by what was kept of it

Govern:
  agent       List agents and show one; revoke and reinstate, clarify and promote

Look at many files:
  scan        Ask one validator about many files
  baseline    Keep what a scan found, and tell what got worse
  suppress    Let findings pass, with a reason, an owner and a last day
  history     Tell how scans went over time
  migrate     Bring workflows in older forms up to date

Author:
  new         Make a gate crate that builds, with a test
  build       Build gate crates into small, reproducible modules
  test        Run a gate's cases
  bench       Measure time, fuel and memory of a gate's calls

Trust:
  key         Make and show signing keys
  sign        Sign a module
  verify      Say who signed modules and whether they are trusted
  inspect     Show what a module is, asks for and says; runs nothing of it
  revocations Make, sign, check and weigh revocation lists
  trust       Show, make, sign and rotate the trust root

Keep:
  cache       Show or clear the compiled modules
  demo        Build, sign, verify and run real gates, step by step

Options:
{options}

Exit status: 0 go, 1 no-go, 2 usage, 3 blocked (no decision), 4 refused (not trusted).
Start with: portcullis demo
";

// Describing every command takes a tenth of a decision's time; only the one that is called is described.
#[derive(Subcommand)]
#[command(defer = true)]
enum Command {
    Run(run::Args),
    Graph(graph::Args),
    Eval(eval::Args),
    Scan(scan::Args),
    Baseline(baseline::Args),
    Suppress(suppress::Args),
    History(history::Args),
    Migrate(migrate::Args),
    Collect(collect::Args),
    Approve(approve::Args),
    Ledger(ledger::Args),
    Resume(resume::Args),
    Replay(replay::Args),
    Agent(agent::Args),
    New(new::Args),
    Build(build::Args),
    Test(test::Args),
    Bench(bench::Args),
    Key(key::Args),
    Sign(sign::Args),
    Verify(verify::Args),
    Inspect(inspect::Args),
    Revocations(revocations::Args),
    Trust(trust::Args),
    Cache(cache::Args),
    Demo(demo::Args),
}

pub(crate) fn main() -> ExitCode {
    // Before all else: what it is started with is an agent's own.
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|first| first == SUPERVISE) {
        return serve_supervisor(&words.collect::<Vec<_>>());
    }
    if let Some(status) = rustc::serve() {
        return status;
    }
    let arguments: Vec<String> = std::env::args_os().skip(1).map(|a| a.to_string_lossy().into_owned()).collect();
    if arguments.first().is_some_and(|first| first == Compiler::ARGUMENT) {
        return serve_compile(arguments.get(1..).unwrap_or_default());
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return term::usage_error(&error).into(),
    };
    cli.global.apply();
    match dispatch(cli.command, &cli.global) {
        Ok(exit) => exit.into(),
        Err(failure) => {
            term::show_all(&failure.problems);
            github::Workflow::annotate(&failure);
            failure.exit.into()
        }
    }
}

fn dispatch(command: Command, global: &term::Global) -> Outcome {
    match command {
        Command::Run(args) => args.execute(global),
        Command::Graph(args) => args.execute(),
        Command::Eval(args) => args.execute(global),
        Command::Scan(args) => args.execute(global),
        Command::Baseline(args) => args.execute(),
        Command::Suppress(args) => args.execute(),
        Command::History(args) => args.execute(),
        Command::Migrate(args) => args.execute(global),
        Command::Collect(args) => args.execute(global),
        Command::Approve(args) => args.execute(global),
        Command::Ledger(args) => args.execute(),
        Command::Resume(args) => args.execute(global),
        Command::Replay(args) => args.execute(global),
        Command::Agent(args) => args.execute(),
        Command::New(args) => args.execute(),
        Command::Build(args) => args.execute(),
        Command::Test(args) => args.execute(global),
        Command::Bench(args) => args.execute(global),
        Command::Key(args) => args.execute(),
        Command::Sign(args) => args.execute(),
        Command::Verify(args) => args.execute(),
        Command::Inspect(args) => args.execute(),
        Command::Revocations(args) => args.execute(),
        Command::Trust(args) => args.execute(),
        Command::Cache(args) => args.execute(),
        Command::Demo(args) => args.execute(),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_command_is_in_the_grouped_help_and_has_an_example() {
        let mut command = Cli::command();
        command.clone().debug_assert();
        command.build();
        for sub in command.get_subcommands() {
            assert!(HELP.contains(&format!("\n  {} ", sub.get_name())), "`{}` is not in the help", sub.get_name());
            let after = sub.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(after.contains("portcullis"), "`{}` has no example", sub.get_name());
        }
    }
}
