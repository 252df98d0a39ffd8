//! Which files of a folder belong together.

use std::collections::BTreeSet;

/// What the name of a question's file ends with.
pub const INPUT: &str = ".input.json";
/// What the name of its expectation's file ends with.
pub const EXPECTED: &str = ".expected.json";

/// One case, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Case {
    /// What both files are called, without their ends.
    pub name: String,
    /// Whether the folder says what is expected.
    pub has_expected: bool,
}

/// Why a folder's files are no cases.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotPaired {
    /// There is nothing to ask.
    #[error("there are no cases, and nothing asked is nothing tested")]
    None,
    /// Something is expected, and nothing asked.
    #[error("`{0}{EXPECTED}` has no `{0}{INPUT}` beside it")]
    NoInput(String),
    /// A file that would be passed over though it looks like one half of a case.
    #[error("`{0}` is neither `NAME{INPUT}` nor `NAME{EXPECTED}`")]
    Stray(String),
}

impl NotPaired {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::None => "no-cases",
            Self::NoInput(_) => "case-without-input",
            Self::Stray(_) => "case-stray-file",
        }
    }
}

/// The cases among the files of a folder, by name, and everything that is wrong with it: that there is no case at all, too.
/// Files that are not JSON are nobody's business.
#[must_use]
pub fn pair<'a>(files: impl IntoIterator<Item = &'a str>) -> (Vec<Case>, Vec<NotPaired>) {
    let (mut inputs, mut expected, mut wrong) = (BTreeSet::new(), BTreeSet::new(), Vec::new());
    for file in files {
        match (file.strip_suffix(INPUT), file.strip_suffix(EXPECTED)) {
            (Some(name), _) if !name.is_empty() => _ = inputs.insert(name),
            (_, Some(name)) if !name.is_empty() => _ = expected.insert(name),
            _ if file.ends_with(".json") => wrong.push(NotPaired::Stray(file.to_owned())),
            _ => {}
        }
    }
    wrong.extend(expected.difference(&inputs).map(|name| NotPaired::NoInput((*name).to_owned())));
    if inputs.is_empty() && wrong.is_empty() {
        wrong.push(NotPaired::None);
    }
    let case = |name: &&str| Case { name: (*name).to_owned(), has_expected: expected.contains(name) };
    (inputs.iter().map(case).collect(), wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_half_is_accounted_for_and_no_cases_are_an_error() {
        let check = |files: &[&str], cases: &[(&str, bool)], codes: &[&str]| {
            let (found, wrong) = pair(files.iter().copied());
            let found: Vec<_> = found.iter().map(|case| (case.name.as_str(), case.has_expected)).collect();
            let wrong: Vec<_> = wrong.iter().map(NotPaired::code).collect();
            assert_eq!((found.as_slice(), wrong.as_slice()), (cases, codes));
        };
        check(&["b.input.json", "README.md", "a.expected.json", "a.input.json"], &[("a", true), ("b", false)], &[]);
        check(&[], &[], &["no-cases"]);
        check(&["README.md"], &[], &["no-cases"]);
        check(&["a.expected.json"], &[], &["case-without-input"]);
        let stray = ["case-stray-file", "case-stray-file"];
        check(&["a.input.json", "a.exepcted.json", ".input.json"], &[("a", false)], &stray);
    }
}
