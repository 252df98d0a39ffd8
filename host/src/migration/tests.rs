//! The rules one by one, and that there is nothing beside them.

use proptest::prelude::*;

use super::*;

#[track_caller]
fn check(text: &str, expect: &str, changes: Changes) {
    let migration = Migration::of(text);
    assert_eq!(migration.text(), expect, "{text:?}");
    assert_eq!(migration.changes(), changes, "{text:?}");
    assert_eq!(Migration::of(expect).changes(), Changes::default(), "{expect:?} is not left alone");
}

const NONE: Changes = Changes { intents: 0, quoted: 0, blank_lines: 0, trailing: 0 };
const QUOTED: Changes = Changes { quoted: 1, ..NONE };

#[test]
fn an_intent_becomes_a_goal_where_it_starts_a_line() {
    let both = Changes { intents: 1, quoted: 1, ..NONE };
    check("intent: keep calm\n", "goal: \"keep calm\"\n", both);
    check("\t intent:keep\n", "\t goal:\"keep\"\n", both);
    check("\u{feff}intent: x", "\u{feff}goal: \"x\"", both);
    check("intent: \"x\"\n", "goal: \"x\"\n", Changes { intents: 1, ..NONE });
    check("intent:\n", "goal:\n", Changes { intents: 1, ..NONE });
    for text in ["# intent: x\n", "x intent: y\n", "intent : x\n", "Intent: x\n", "intents: x\n", "x\u{feff}intent: y"]
    {
        check(text, text, NONE);
    }
}

#[test]
fn a_goals_text_is_put_in_quotes_that_end_where_the_text_does() {
    for (text, expect) in [
        ("say \"hi\" twice", r#""say \"hi\" twice""#),
        (r#""a" and "b""#, r#""\"a\" and \"b\"""#),
        ("\"open", r#""\"open""#),
        ("\"", r#""\"""#),
        (r#"already \"escaped\""#, r#""already \"escaped\"""#),
        (r"a\b\", r#""a\b\\""#),
        (r"a\\", r#""a\\""#),
        ("it's # no comment", "\"it's # no comment\""),
        ("\"x\"# no comment", r##""\"x\"# no comment""##),
        ("ä", "\"ä\""),
    ] {
        check(&format!("goal: {text}\n"), &format!("goal: {expect}\n"), QUOTED);
    }
    for text in ["", " \"\"", " \"x\"", r#" "a \"b\" c""#, r#" "a\\""#, " \"x\"  # why", "\"x\""] {
        check(&format!("goal:{text}\n"), &format!("goal:{text}\n"), NONE);
    }
}

#[test]
fn at_most_two_blank_lines_follow_each_other() {
    let removed = |blank_lines| Changes { blank_lines, ..NONE };
    check("a\n\n\nb\n", "a\n\n\nb\n", NONE);
    check("a\n\n\n\n\nb\n", "a\n\n\nb\n", removed(2));
    check("\n\n\na", "\n\na", removed(1));
    check("a\n\n\n\n", "a\n\n\n", removed(1));
    check("a\n \n\t\n  \nb", "a\n\n\nb", Changes { blank_lines: 1, trailing: 2, ..NONE });
    check("\u{feff}\n\n\n", "\u{feff}\n\n", removed(1));
}

#[test]
fn trailing_white_space_goes_and_indentation_stays() {
    let trimmed = |trailing| Changes { trailing, ..NONE };
    check("  a(b) \t\n\tb: c\u{a0}\n", "  a(b)\n\tb: c\n", trimmed(2));
    check("a \n   ", "a\n", trimmed(2));
    check("   ", "", trimmed(1));
    check("goal: x \n", "goal: \"x\"\n", Changes { quoted: 1, trailing: 1, ..NONE });
    check("goal: \"x \" \n", "goal: \"x \"\n", trimmed(1));
}

#[test]
fn line_endings_stay_also_mixed_and_a_last_one_that_is_missing_stays_missing() {
    let (text, expect) =
        ("goal: a\r\nintent: b\ngoal: c\rd \r\n\r\n\n\r\ne", "goal: \"a\"\r\ngoal: \"b\"\ngoal: \"c\"\rd\r\n\r\n\ne");
    check(text, expect, Changes { intents: 1, quoted: 3, blank_lines: 1, trailing: 1 });
    check("", "", NONE);
    check("a\rb", "a\rb", NONE);
}

#[test]
fn a_diff_has_the_changes_with_three_lines_around_them() {
    let text = "one\ntwo\nthree\nfour\nintent: \tgo\n5\n6\n7\n8\n9\n10\n11\n12 \n\n\n\nend";
    let expect = [
        "--- flows/a\\u{1b}.aether",
        "+++ flows/a\\u{1b}.aether",
        "@@ -2,7 +2,7 @@",
        " two",
        " three",
        " four",
        "-intent: \tgo",
        "+goal: \t\"go\"",
        " 5",
        " 6",
        " 7",
        "@@ -10,8 +10,7 @@",
        " 9",
        " 10",
        " 11",
        "-12 ",
        "+12",
        " ",
        " ",
        "-",
        " end",
        "\\ No newline at end of file",
        "",
    ];
    let expect = expect.join("\n");
    assert_eq!(Migration::of(text).diff("flows/a\u{1b}.aether"), expect);
    assert_eq!(Migration::of("goal: \"x\"\n").diff("a"), "");
}

#[test]
fn nothing_that_a_terminal_obeys_is_in_a_diff_but_tabs_and_line_ends() {
    let text = "goal: \u{1b}[2J\u{9b}x\u{202e} \r\nb\rgoal: c\rlast \u{7}";
    let expect = "\
--- a
+++ a
@@ -1,4 +1,4 @@
-goal: \\u{1b}[2J\\u{9b}x\\u{202e} \r
+goal: \"\\u{1b}[2J\\u{9b}x\\u{202e}\"\r
 b\\u{d}
-goal: c\\u{d}
+goal: \"c\"\\u{d}
 last \\u{7}
\\ No newline at end of file
";
    assert_eq!(Migration::of(text).diff("a"), expect);
}

#[test]
fn no_line_of_a_diff_is_a_command_to_a_runner() {
    let diff = Migration::of("::add-mask::x\n \u{3000}::error::y\ngoal: x\n").diff("::debug::z");
    let commands = diff.lines().filter(|line| line.trim_start().starts_with("::"));
    assert_eq!(commands.collect::<Vec<_>>(), [""; 0]);
    assert!(diff.contains("\n \\u{3a}:add-mask::x\n  \u{3000}\\u{3a}:error::y\n"), "{diff}");
}

#[test]
fn what_changed_is_told_by_rule() {
    let changes = Changes { intents: 1, quoted: 2, blank_lines: 0, trailing: 1 };
    assert_eq!(changes.to_string(), "1 intent renamed, 2 goals quoted, 1 line trimmed");
    assert_eq!(NONE.to_string(), "");
}

#[test]
fn a_file_in_which_every_line_changes_is_compared_in_no_time() {
    let text = "intent: x \n".repeat(100_000);
    let diff = Migration::of(&text).diff("a");
    assert_eq!(diff.lines().filter(|line| *line == "+goal: \"x\"").count(), 100_000);
}

/// Text as it may stand in a workflow, and worse.
fn workflow() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => proptest::sample::select(vec!["intent:", "goal:", " goal: ", "intent: \"", "#"]),
        4 => proptest::sample::select(vec!["\n", "\n", "\r\n", "\r", "\n\n\n"]),
        3 => proptest::sample::select(vec![" ", "\t", "\u{a0}", "\u{2028}", "\u{85}", "\u{b}", "\u{feff}", "\0"]),
        4 => proptest::sample::select(vec!["\"", "\\", "\\\"", "a", "é", "x: f(y)", "if a:"]),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

/// What no rule but the first may touch.
fn substance(text: &str) -> String {
    text.chars().filter(|character| !character.is_whitespace() && !matches!(character, '"' | '\\')).collect()
}

/// `text` with the first rule alone.
fn renamed(text: &str) -> String {
    let mut at_start = true;
    let renamed = lines(text).map(|line| {
        let start = if std::mem::take(&mut at_start) { line.strip_prefix(MARK).unwrap_or(line) } else { line };
        match start.trim_start().strip_prefix("intent:") {
            Some(rest) => format!("{}goal:{rest}", &line[..line.len() - start.trim_start().len()]),
            None => line.to_owned(),
        }
    });
    renamed.collect()
}

fn ends(text: &str) -> String {
    text.matches(['\r', '\n']).collect()
}

proptest! {
    #[test]
    fn what_is_migrated_is_not_changed_again(text in workflow()) {
        let once = Migration::of(&text).text();
        let again = Migration::of(&once);
        prop_assert_eq!(again.changes(), NONE);
        prop_assert_eq!(again.text(), once);
    }

    #[test]
    fn nothing_changes_but_by_a_rule(text in workflow()) {
        let migration = Migration::of(&text);
        let new = migration.text();
        prop_assert_eq!(substance(&new), substance(&renamed(&text)));
        prop_assert_eq!(migration.changes().any(), new != text);
        if migration.changes().blank_lines == 0 {
            prop_assert_eq!(ends(&new), ends(&text));
        }
        let of_old = ends(&text);
        let mut old = of_old.chars();
        prop_assert!(ends(&new).chars().all(|end| old.any(|other| other == end)), "line endings were made");
    }

    #[test]
    fn a_diff_holds_what_goes_and_what_comes(text in workflow()) {
        let migration = Migration::of(&text);
        let steps = &migration.steps;
        let old: usize = steps.iter().map(|step| step.old_range().len()).sum();
        let new: usize = steps.iter().map(|step| step.new_range().len()).sum();
        prop_assert_eq!((old, new), (migration.old.len(), migration.new.len()));
        prop_assert_eq!(migration.old.concat(), text.as_str());
        prop_assert_eq!(migration.diff("a").is_empty(), !migration.changes().any());
    }
}
