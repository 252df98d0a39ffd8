//! `[decision]`: how outcomes become a decision, and whether the gates at hand can make it.

use super::{
    Enforcement, GatePlan, Rule,
    problems::{Problems, quoted},
    reader::{At, Table, inside, string, whole_number},
    resolve::Names,
};
use crate::{decision::Expr, diagnostic::Diagnostic};

/// The words that `rule` takes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    All,
    Any,
    AtLeast,
    Expr,
}

const WORDS: [(&str, Word); 4] =
    [("all", Word::All), ("any", Word::Any), ("at_least", Word::AtLeast), ("expr", Word::Expr)];

/// The rule of `[decision]`; without that table, all mandatory gates have to pass.
pub(super) fn rule(root: Table<'_>, gates: &[GatePlan], names: &Names<'_>, problems: &mut Problems<'_>) -> Rule {
    let table = root.table("decision", problems);
    let rule = match table {
        Some(table) => written(table.only(&["rule", "n", "at_least", "expr"], problems), names, problems),
        None => Some(Rule::All),
    };
    let Some(rule) = rule else { return Rule::All };
    if !gates.is_empty()
        && let Some(problem) = shortfall(&rule, gates)
    {
        problems.add(table.map_or(0, |table| table.at), problem);
    }
    rule
}

/// What keeps `rule` from ever deciding over `gates`, or makes it decide on nothing.
pub(super) fn shortfall(rule: &Rule, gates: &[GatePlan]) -> Option<Diagnostic> {
    let mandatory = gates.iter().filter(|gate| gate.enforcement == Enforcement::Mandatory).count();
    match rule {
        Rule::Expr(_) => None,
        _ if mandatory == 0 => {
            let message = "no gate is mandatory, so nothing would decide";
            Some(
                Diagnostic::new("no-mandatory-gates", message)
                    .help("take `enforcement = \"advisory\"` from one of them"),
            )
        }
        Rule::AtLeast(n) if *n > mandatory => {
            let message = format!("the rule asks for {n} mandatory gates, and there are {mandatory}");
            Some(Diagnostic::new("at-least-too-many", message))
        }
        _ => None,
    }
}

fn written(table: Table<'_>, names: &Names<'_>, problems: &mut Problems<'_>) -> Option<Rule> {
    let word = table.word("rule", &WORDS, problems);
    if word.is_none() && table.get("rule").is_some() {
        return None;
    }
    let count = table.get("at_least").map(|node| ("at_least", node));
    let count = count.or_else(|| table.get("n").map(|node| ("n", node)));
    match (word, count, table.get("expr")) {
        (Some(Word::All), None, None) => Some(Rule::All),
        (Some(Word::Any), None, None) => Some(Rule::Any),
        (None, Some(("at_least", node)), None) | (Some(Word::AtLeast), Some(("n", node)), None)
            if table.get("at_least").is_none() || table.get("n").is_none() =>
        {
            at_least(whole_number(node, problems)?, node.span().start, problems)
        }
        (None | Some(Word::Expr), None, Some(node)) => expression(string(node, problems)?, names, problems),
        (None, None, None) => missing(table, "rule", problems),
        (Some(Word::AtLeast), None, None) => missing(table, "n", problems),
        (Some(Word::Expr), None, None) => missing(table, "expr", problems),
        _ => {
            let help = "write one of `rule = \"all\"`, `rule = \"any\"`, `at_least = 2`, `expr = \"a && b\"`";
            let message = "`[decision]` says more than one rule";
            problems.add(table.at, Diagnostic::new("key-conflict", message).help(help));
            None
        }
    }
}

fn missing(table: Table<'_>, key: &str, problems: &mut Problems<'_>) -> Option<Rule> {
    problems.add(table.at, Diagnostic::new("missing-key", format!("missing key `{key}`")));
    None
}

fn at_least(n: u64, at: usize, problems: &mut Problems<'_>) -> Option<Rule> {
    if n == 0 {
        problems.add(at, Diagnostic::new("at-least-zero", "a rule that asks for no gate decides on nothing"));
        return None;
    }
    Some(Rule::AtLeast(usize::try_from(n).unwrap_or(usize::MAX)))
}

fn expression(text: At<&str>, names: &Names<'_>, problems: &mut Problems<'_>) -> Option<Rule> {
    let start = inside(text, problems.text);
    let expr = match Expr::parse(text.it) {
        Ok(expr) => expr,
        Err(error) => {
            let at = start.map_or(text.at, |start| start + error.offset.min(text.it.len()));
            problems.add(at, Diagnostic::new(error.code(), error.message));
            return None;
        }
    };
    let mut named = expr.names();
    named.sort_unstable();
    named.dedup();
    for name in named {
        let at = start.map_or(text.at, |start| start + position(text.it, name));
        names.find(At { at, it: name }, problems);
    }
    Some(Rule::Expr(expr))
}

/// Where `name` stands in `text` as a word of its own.
pub(super) fn position(text: &str, name: &str) -> usize {
    let part = |character: char| character.is_ascii_alphanumeric() || "._-".contains(character);
    let whole = |(at, _): &(usize, &str)| {
        let before = text.get(..*at).and_then(|before| before.chars().next_back());
        let after = text.get(at + name.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    };
    text.match_indices(name).find(whole).map_or(0, |(at, _)| at)
}

/// The problem that the rule of a whole plan names gates that a selection leaves out.
pub(super) fn unselected(rule: &Rule, selected: impl Fn(&str) -> bool) -> Option<Diagnostic> {
    let Rule::Expr(expr) = rule else { return None };
    let missing = expr.names().into_iter().find(|name| !selected(name))?;
    let message = format!("the decision's expression names gate {}, which is not selected", quoted(missing));
    let help = "select it as well, or decide with `rule = \"all\"`, which takes any selection";
    Some(Diagnostic::new("unselected-gate", message).help(help))
}
