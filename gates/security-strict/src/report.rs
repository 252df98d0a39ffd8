//! What a verification reported, in its own words.

use portcullis_sdk::{
    evidence::{Collected, CommandRun},
    json,
    prelude::*,
};

/// The name of the trouble that a report tells itself.
pub const FAILURES: &str = "report_has_failures";

/// How a report starts to tell what failed.
const FAIL: &str = "FAIL (";
/// How a line starts that tells the risk.
const RISK: &str = "Total risk score:";
/// The line that tells that there is none.
const NO_RISK: &str = "Total risk score: 0";

/// A report's text, as far as there is one.
pub struct Report<'a> {
    text: Option<Cow<'a, str>>,
    cut: bool,
}

impl<'a> Report<'a> {
    /// The report in a piece of evidence, a text or what a server or a command said; what the verification wrote to standard
    /// output, if there is none.
    pub fn of(evidence: Option<&'a RawValue>, verify: &'a CommandRun<'_>) -> Result<Self, Fault> {
        match evidence {
            None => Ok(Self { text: Some(Cow::Borrowed(&verify.stdout)), cut: verify.stdout_cut }),
            Some(evidence) if Collected::is(evidence) => {
                let source: Collected<'_> = json::read(evidence.get())?;
                let text = source.text().filter(|_| source.succeeded());
                Ok(Self { text: text.map(|text| Cow::Owned(text.to_owned())), cut: source.is_cut() })
            }
            Some(evidence) => Ok(Self { text: Some(Cow::Owned(json::read(evidence.get())?)), cut: false }),
        }
    }

    /// The name of what keeps the report from saying that all is well, if something does. A cut one may be silent only about
    /// what was cut off.
    pub fn trouble(&self) -> Option<&'static str> {
        match &self.text {
            None => Some("no_report"),
            Some(text) if text.contains(FAIL) => Some(FAILURES),
            Some(_) if self.cut => Some("report_cut"),
            Some(text) => risk(text),
        }
    }
}

/// The name of what the lines about the risk tell, if it is not that there is none. All of them have to agree.
fn risk(text: &str) -> Option<&'static str> {
    let told: Vec<&str> = text.lines().filter(|line| line.contains(RISK)).map(bare).collect();
    match told.as_slice() {
        [] => Some("no_risk_score"),
        lines if lines.iter().all(|line| *line == NO_RISK) => None,
        _ => Some("risk_not_zero"),
    }
}

/// A line without its white space, and without Markdown's marks of lists, headings, quotes, tables and stress.
fn bare(line: &str) -> &str {
    let stress = |c: char| c.is_ascii_whitespace() || "*_`|".contains(c);
    line.trim_start_matches(|c: char| stress(c) || "-#>".contains(c)).trim_end_matches(stress)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_clean_only_if_it_says_so_whole() {
        let trouble = |text: &str, cut| Report { text: Some(text.into()), cut }.trouble();
        let clean = [
            "Total risk score: 0",
            "# Scripts\nok  a.py\nTotal risk score: 0\n",
            "Total risk score: 0\r\n",
            "  - **Total risk score: 0**  ",
            "FAILED: none\nTotal risk score: 0\nTotal risk score: 0",
            "## Total risk score\n> Total risk score: 0",
        ];
        for text in clean {
            assert_eq!(trouble(text, false), None, "{text}");
            assert_eq!(trouble(text, true), Some("report_cut"), "{text}");
        }
        let not = [
            ("", "no_risk_score"),
            ("all good", "no_risk_score"),
            ("total risk score: 0", "no_risk_score"),
            ("Total risk score: 05", "risk_not_zero"),
            ("Total risk score: 0.5", "risk_not_zero"),
            ("Total risk score: 00", "risk_not_zero"),
            ("Total risk score: -0", "risk_not_zero"),
            ("Total risk score: 10", "risk_not_zero"),
            ("Total risk score: 0/100", "risk_not_zero"),
            ("Total risk score: 0 of a.py, 7 of b.py", "risk_not_zero"),
            ("Total risk score:", "risk_not_zero"),
            ("Sub Total risk score: 0", "risk_not_zero"),
            ("Total risk score: 0\nTotal risk score: 7", "risk_not_zero"),
            ("Total risk score: 7\nTotal risk score: 0", "risk_not_zero"),
            ("Total risk score: 0\rTotal risk score: 7", "risk_not_zero"),
            ("FAIL (unsigned) a.py\nTotal risk score: 0", "report_has_failures"),
            ("Total risk score: 0\na.py: FAIL (1)", "report_has_failures"),
        ];
        for (text, expect) in not {
            assert_eq!(trouble(text, false), Some(expect), "{text}");
        }
        assert_eq!(trouble("FAIL (unsigned)", true), Some(FAILURES));
    }
}
