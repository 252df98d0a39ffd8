//! Programs: of the kind `command` of evidence, of agents, and of what events are told to.

use std::path::{Path, PathBuf};

use super::{
    super::{
        CommandSource, Template,
        problems::{Problems, quoted},
        reader::{At, Node, Table, string, template},
    },
    check_variable, format, kept, timeout,
};
use crate::diagnostic::Diagnostic;

/// A program to start.
pub(in super::super) struct Program {
    /// It and its arguments.
    pub(in super::super) argv: Vec<Template>,
    /// Where it runs.
    pub(in super::super) cwd: PathBuf,
    /// Its environment, all of it.
    pub(in super::super) env: Vec<(String, Template)>,
}

/// What the table of a `command` says, where it says one.
pub(super) fn command(table: Table<'_>, folder: &Path, problems: &mut Problems<'_>) -> Option<CommandSource> {
    let program = program(table, folder, problems);
    let (timeout, max_output) = (timeout(table, problems), kept(table, "max_output", problems));
    let format = format(table, problems);
    let Program { argv, cwd, env } = program?;
    Some(CommandSource { argv, cwd, env, timeout, max_output, format })
}

/// What stands at `command`, `cwd` and `env`, where there is a `command`.
pub(in super::super) fn program(table: Table<'_>, folder: &Path, problems: &mut Problems<'_>) -> Option<Program> {
    let (argv, env) = (argv(table, problems), env(table, problems));
    let cwd = cwd(table, folder, problems);
    Some(Program { argv: argv?, cwd, env })
}

fn argv(table: Table<'_>, problems: &mut Problems<'_>) -> Option<Vec<Template>> {
    let node = table.get("command")?;
    let words = table.strings("command", problems);
    let is_empty = match words.first() {
        Some(program) => program.it.is_empty(),
        // A `command` that is no array, or in which nothing is a string, is told already.
        None => node.get_ref().as_array()?.is_empty(),
    };
    if is_empty {
        let help = "write the program and its arguments: `command = [\"./app\", \"--smoke\"]`";
        let problem = Diagnostic::new("empty-command", "`command` names no program").help(help);
        problems.add(node.span().start, problem);
    }
    Some(words.into_iter().filter_map(|word| argument(word, problems)).collect())
}

/// The manifest's folder, or what `cwd` names from there.
fn cwd(table: Table<'_>, folder: &Path, problems: &mut Problems<'_>) -> PathBuf {
    let cwd = table.path("cwd", problems);
    cwd.into_iter().for_each(|cwd| check_no_nul(cwd, problems));
    let folder = cwd.map_or_else(|| folder.to_owned(), |cwd| folder.join(cwd.it));
    // A program cannot start in a folder without a name.
    if folder.as_os_str().is_empty() { PathBuf::from(".") } else { folder }
}

fn env(table: Table<'_>, problems: &mut Problems<'_>) -> Vec<(String, Template)> {
    let entries = table.table("env", problems).map(|table| table.entries()).unwrap_or_default();
    let variable = |(name, node): (At<&str>, Node<'_>)| {
        check_variable(name, problems);
        let value = string(node, problems)?;
        Some((name.it.to_owned(), argument(value, problems)?))
    };
    entries.into_iter().filter_map(variable).collect()
}

fn argument(text: At<&str>, problems: &mut Problems<'_>) -> Option<Template> {
    check_no_nul(text, problems);
    template(text, problems)
}

/// The system ends an argument at its first NUL byte, so that what runs would not be what is written.
fn check_no_nul(text: At<&str>, problems: &mut Problems<'_>) {
    if text.it.contains('\0') {
        let message = format!("no program can be given {}, which has a NUL character in it", quoted(text.it));
        problems.add(text.at, Diagnostic::new("bad-argument", message));
    }
}
