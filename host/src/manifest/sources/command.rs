//! Evidence of the kind `command`: a program, its arguments and its environment.

use std::path::PathBuf;

use super::{
    super::{
        CommandSource, Template,
        problems::{Problems, quoted},
        reader::{At, Node, Table, string, template},
    },
    Context, check_variable, format, kept, timeout,
};
use crate::diagnostic::Diagnostic;

/// What the table of a `command` says, where it says one.
pub(super) fn command(
    table: Table<'_>,
    context: &Context<'_, '_>,
    problems: &mut Problems<'_>,
) -> Option<CommandSource> {
    let argv = argv(table, problems);
    let env = env(table, problems);
    let source = CommandSource {
        cwd: cwd(table, context, problems),
        timeout: timeout(table, problems),
        max_output: kept(table, "max_output", problems),
        format: format(table, problems),
        env,
        argv: argv?,
    };
    Some(source)
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
fn cwd(table: Table<'_>, context: &Context<'_, '_>, problems: &mut Problems<'_>) -> PathBuf {
    let cwd = table.path("cwd", problems);
    cwd.into_iter().for_each(|cwd| check_no_nul(cwd, problems));
    let folder = cwd.map_or_else(|| context.folder.to_owned(), |cwd| context.folder.join(cwd.it));
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
