//! A module and its changes, for people. Everything that a module says is made fit for a terminal, and cut.

use portcullis::text::{excerpt, grouped};

use super::{
    super::table::{joined, table},
    diff::{Diff, signer},
    report::{Memory, Report},
};

/// Lines of one list that are shown.
const LINES: usize = 60;
/// Characters of one name that are shown.
const NAME: usize = 160;

/// One module.
pub(super) fn render(report: &Report) -> String {
    let mut rows = vec![
        row("file", &report.file),
        row("size", &format!("{} bytes", grouped(report.size))),
        row("format", report.format.map_or("nothing that reads as a module", |kind| kind.described())),
        row("content", report.content_digest.as_deref().unwrap_or("-")),
        row("says it is", &says(report)),
    ];
    if let Some(parts) = report.parts.filter(|parts| *parts > 1) {
        rows.push(row("cut", &format!("into {parts} parts by delimiters")));
    }
    if let Some(trust) = &report.trust {
        rows.push(row("trusted", &trust.publisher.as_ref().map_or("no".to_owned(), |name| format!("as {name}"))));
        let threshold =
            |it: &super::super::verify::Threshold| format!("{}: {} of {}", it.publisher, it.counted, it.needed);
        rows.push(row("thresholds", &joined(trust.thresholds.iter().map(threshold))));
        rows.push(row("revoked by", &joined(trust.revoked_by.iter().map(|named| named.shown()))));
    }
    rows.push(row("memory", &joined(report.memories.iter().map(memory))));
    rows.push(row("tables", &format!("{}, {} elements at the start", report.tables, grouped(report.table_elements))));
    rows.push(row("functions", &grouped(report.functions.into())));
    let compiled = report.compiled.iter().map(|it| format!("{} {} bytes", it.tier, grouped(it.bytes as u64)));
    rows.push(row("compiled", &joined(compiled)));
    let mut text = table(&rows);
    list(&mut text, "signatures", report.signatures.iter().map(signature));
    list(&mut text, "asks for", report.asks.iter().map(|ask| format!("{}: {}", ask.what, ask.functions.join(", "))));
    let import = |it: &super::report::Import| {
        format!("{}.{}{}", it.module, it.name, if it.offered { "" } else { "  (not offered)" })
    };
    list(&mut text, "imports", report.imports.iter().map(import));
    list(&mut text, "exports", report.exports.iter().map(|export| format!("{} {}", export.kind, export.name)));
    let section =
        |it: &super::report::Section| format!("{}  {} bytes", excerpt(&it.name, NAME - 20), grouped(it.size as u64));
    list(&mut text, "sections", report.sections.iter().map(section));
    if report.more_sections > 0 {
        text.push_str(&format!("  and {} more that are not listed\n", report.more_sections));
    }
    refusals(&mut text, report);
    text
}

fn refusals(text: &mut String, report: &Report) {
    if report.refusals.is_empty() {
        let all =
            if report.trust.is_some() { "nothing" } else { "nothing but who signed it, as no trust file was named" };
        text.push_str(&format!("would be refused for {all}\n"));
        return;
    }
    text.push_str("would be refused for\n");
    for reason in &report.refusals {
        text.push_str(&format!("  [{}] {}\n", reason.code, excerpt(&reason.message, 400)));
        if let Some(help) = reason.help {
            text.push_str(&format!("    {help}\n"));
        }
    }
}

/// What changed.
pub(super) fn render_diff(diff: &Diff) -> String {
    let mut text = format!("{} → {}\n", diff.from, diff.to);
    if diff.same_content {
        text.push_str("all that is signed is the same\n");
    }
    let shown = |value: &Option<String>| value.as_deref().map_or_else(|| "-".to_owned(), |value| excerpt(value, NAME));
    let rows: Vec<_> = diff
        .changed
        .iter()
        .map(|change| {
            [change.what.to_owned(), format!("{} → {}{}", shown(&change.from), shown(&change.to), by(change))]
        })
        .collect();
    text.push_str(&table(&rows));
    for changed in &diff.lists {
        let added = changed.added.iter().map(|item| format!("+ {item}"));
        list(&mut text, changed.what, added.chain(changed.removed.iter().map(|item| format!("- {item}"))));
    }
    if diff.changed.is_empty() && diff.lists.is_empty() {
        text.push_str("nothing changed\n");
    }
    text
}

/// By how much a number changed.
fn by(change: &super::diff::Changed) -> String {
    let number = |text: &Option<String>| text.as_ref()?.parse::<i128>().ok();
    match (number(&change.from), number(&change.to)) {
        (Some(from), Some(to)) => format!(" ({:+})", to - from),
        _ => String::new(),
    }
}

fn row(name: &str, value: &str) -> [String; 2] {
    [name.to_owned(), excerpt(value, 400)]
}

fn says(report: &Report) -> String {
    report.metadata.as_ref().map_or_else(
        || "-".to_owned(),
        |it| format!("{} {}, a {}, protocol {}", it.name, it.version, it.kind.name(), it.protocol),
    )
}

fn memory(memory: &Memory) -> String {
    let most =
        memory.maximum_bytes.map_or("as much as it is given".to_owned(), |most| format!("{} bytes", grouped(most)));
    format!("{} bytes at the start, at most {most}", grouped(memory.initial_bytes))
}

fn signature(made: &super::report::Signature) -> String {
    let algorithm = if made.algorithm == 1 { "Ed25519".to_owned() } else { format!("algorithm {}", made.algorithm) };
    let over = if made.covers_file { "over this file" } else { "NOT over this file" };
    format!("{algorithm}, {over}, by {}", signer(made))
}

fn list(text: &mut String, head: &str, items: impl Iterator<Item = String>) {
    let mut left = 0;
    for (index, item) in items.enumerate() {
        if index == 0 {
            text.push_str(&format!("{head}\n"));
        }
        if index < LINES {
            text.push_str(&format!("  {}\n", excerpt(&item, NAME)));
        } else {
            left += 1;
        }
    }
    if left > 0 {
        text.push_str(&format!("  and {left} more; --json has them all\n"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        for (number, expect) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), expect);
        }
    }

    #[test]
    fn a_list_is_cut_and_nothing_in_it_is_obeyed() {
        let mut text = String::new();
        list(&mut text, "imports", (0..LINES + 2).map(|index| format!("\u{1b}[2J{index}")));
        assert!(!text.contains('\u{1b}') && text.ends_with("and 2 more; --json has them all\n"));
    }
}
