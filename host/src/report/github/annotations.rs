//! A decision as annotations: first the decision, then each agent and each gate that bears on it, then what has a place in
//! a file.

use portcullis_sdk::{Finding, Kind, Severity};

use super::command::{Annotation, Level};
use crate::{
    agent::AgentStatus,
    decision::{AgentRecord, GateOutcome, GateResult, Reason, Record, Ruling},
    manifest::Enforcement,
    report::{
        actions::actions,
        agents::{self, Came},
        approved, headline, is_unsigned,
        rows::{Row, of_agent, rows},
        tally::tally,
    },
    text::{counted, excerpt, is_unsafe},
};

/// How many annotations of one level GitHub shows for a step: "10 warning annotations, 10 error annotations, and 10 notice
/// annotations per step", 50 for a job (actions/toolkit, docs/problem-matchers.md). Those beyond are dropped without a word.
const SHOWN: usize = 10;
/// The most bytes of a message: the runner cuts it at 4,096 characters (`_maxIssueMessageLength` of actions/runner), and
/// a text never has more characters than bytes.
const MESSAGE: usize = 4_096;
/// How many bytes of those are kept free for what the last annotation of a level says of those left out.
const REST: usize = 160;
/// How much of a title is shown, in characters; GitHub takes 255.
const TITLE: usize = 120;
/// How much of one thing that a message tells is shown, in characters.
const QUOTED: usize = 400;
/// The longest path of a file, in bytes. A longer one is no file of a repository, and a cut one is another file.
const PATH: usize = 1_024;
/// How many rows of a gate, and how many of the things to do, a message has.
const ROWS: usize = 12;
const ACTIONS: usize = 4;

/// The workflow commands that annotate a run with `record`, a line each; nothing on a go where there is nothing to say.
///
/// Errors are what stands in the way of a go; warnings the rest of what failed, agents that were warned, and findings that are
/// warnings; notices the reviews and promotions that wait for a person, and the reviews that were signed off. The most important ones come first, as many as GitHub
/// shows, and the last of a level says how many more there are. Words of gates cannot become commands.
#[must_use]
pub fn annotations(record: &Record) -> String {
    Level::ALL.into_iter().map(|level| of_level(record, level)).collect()
}

fn of_level(record: &Record, level: Level) -> String {
    let mut topics = topics(record).filter(|(of, _)| *of == level).map(|(_, topic)| topic);
    let shown: Vec<Topic<'_>> = topics.by_ref().take(SHOWN).collect();
    let more = topics.count();
    let mut annotations: Vec<Annotation> = shown.iter().map(|topic| topic.annotation(record)).collect();
    if let (Some(last), true) = (annotations.last_mut(), more > 0) {
        let more = counted(more, "more is", "more are");
        last.message.push_str(&format!("\n… and {more} not shown here: see the step's summary and decision.json"));
    }
    annotations.iter().map(|annotation| annotation.command(level)).collect()
}

/// What an annotation is about.
#[derive(Clone, Copy)]
enum Topic<'a> {
    Decision,
    Agent(&'a AgentRecord),
    Gate(&'a GateResult),
    Finding(&'a GateResult, &'a Finding),
}

/// Everything that deserves an annotation, the most important of each level first.
fn topics(record: &Record) -> impl Iterator<Item = (Level, Topic<'_>)> {
    let decision = (record.decision != Ruling::Go).then_some((Level::Error, Topic::Decision));
    let mut gates: Vec<(Level, &GateResult)> =
        record.gates.iter().filter_map(|gate| Some((level(gate, record)?, gate))).collect();
    gates.sort_by_key(|(_, gate)| rank(&gate.outcome));
    let gates = gates.into_iter().map(|(level, gate)| (level, Topic::Gate(gate)));
    let findings = record.gates.iter().flat_map(|gate| {
        let level = level(gate, record);
        let findings = gate.findings.iter().map(move |finding| (finding_level(gate, finding, level), finding));
        findings.filter_map(move |(level, finding)| Some((level?, Topic::Finding(gate, finding))))
    });
    let agents = record.agents.iter().filter_map(|agent| Some((agent_level(agent, record)?, Topic::Agent(agent))));
    decision.into_iter().chain(agents).chain(gates).chain(findings)
}

fn rank(outcome: &GateOutcome) -> u8 {
    match outcome {
        GateOutcome::Fail => 0,
        GateOutcome::Fault(_) => 1,
        GateOutcome::Review => 2,
        GateOutcome::Skipped(_) => 3,
        GateOutcome::Pass | GateOutcome::NotApplicable | GateOutcome::NotTaken(_) => 4,
    }
}

/// How loud a gate's own annotation is, if it has one.
fn level(gate: &GateResult, record: &Record) -> Option<Level> {
    let blamed = || record.reasons.iter().any(|reason| reason.gate.as_ref() == Some(&gate.gate.name));
    let mandatory = gate.gate.enforcement == Enforcement::Mandatory;
    match gate.outcome {
        GateOutcome::Fail | GateOutcome::Fault(_) if record.decision != Ruling::Go && (mandatory || blamed()) => {
            Some(Level::Error)
        }
        GateOutcome::Fail | GateOutcome::Fault(_) => Some(Level::Warning),
        GateOutcome::Review if blamed() => Some(Level::Error),
        GateOutcome::Review => Some(Level::Notice),
        GateOutcome::Skipped(_) => mandatory.then_some(Level::Warning),
        GateOutcome::NotTaken(_) => None,
        GateOutcome::Pass | GateOutcome::NotApplicable => gate.sign_off.is_some().then_some(Level::Notice),
    }
}

/// How loud an agent's own annotation is, if it has one.
fn agent_level(agent: &AgentRecord, record: &Record) -> Option<Level> {
    match Came::of(agent) {
        Came::Lost | Came::HeldUp if record.decision != Ruling::Go => Some(Level::Error),
        Came::Lost | Came::HeldUp => Some(Level::Warning),
        Came::Through if !agent.violations.is_empty() || !agent.missing.is_empty() => Some(Level::Warning),
        Came::Through => agent.promotion.is_some().then_some(Level::Notice),
        Came::Nowhere => None,
    }
}

/// How loud a finding's annotation is, whose gate's own is as loud as `gates`. An error without a file is told by that one.
fn finding_level(gate: &GateResult, finding: &Finding, gates: Option<Level>) -> Option<Level> {
    match finding.severity {
        Severity::Error if finding.path.is_none() => None,
        Severity::Error if matches!(gate.outcome, GateOutcome::Fail | GateOutcome::Fault(_)) => gates,
        Severity::Error | Severity::Warning => Some(Level::Warning),
        Severity::Note => None,
    }
}

impl Topic<'_> {
    fn annotation(self, record: &Record) -> Annotation {
        match self {
            Self::Decision => of_decision(record),
            Self::Agent(agent) => of_the_agent(agent, record),
            Self::Gate(gate) => of_gate(gate, record),
            Self::Finding(gate, finding) => of_finding(gate, finding, record),
        }
    }
}

fn of_decision(record: &Record) -> Annotation {
    let reasons = record.reasons.iter().filter(|reason| reason.gate.is_none());
    let reasons = reasons.map(|Reason { code, message, .. }| format!("{} [{code}]", excerpt(message, QUOTED)));
    let title = excerpt(&format!("{}: {}", record.decision.name(), record.policy.uri), TITLE);
    Annotation { title, file: None, line: None, message: message(Some(tally(record)).into_iter().chain(reasons)) }
}

fn of_gate(gate: &GateResult, record: &Record) -> Annotation {
    let what = match &gate.outcome {
        GateOutcome::Fail => "failed",
        GateOutcome::Fault(_) => "gave no verdict",
        GateOutcome::Review if is_unsigned(gate) => "waits for a person",
        GateOutcome::Skipped(_) | GateOutcome::NotTaken(_) => "did not run",
        GateOutcome::Review | GateOutcome::Pass | GateOutcome::NotApplicable => "was signed off",
    };
    let signed = gate.sign_off.as_ref().map(|sign_off| format!("{}: {}", approved(sign_off), sign_off.reason));
    let mut lines: Vec<String> = signed.map(|signed| excerpt(&signed, QUOTED)).into_iter().collect();
    if gate.sign_off.is_none() {
        lines.extend(told(rows(gate)));
    }
    if lines.is_empty() {
        lines.push(headline(gate));
    }
    lines.extend(actions(gate, record).iter().take(ACTIONS).map(|action| format!("→ {}", excerpt(action, QUOTED))));
    Annotation {
        title: excerpt(&format!("{} {what}", gate.gate.name), TITLE),
        file: None,
        line: None,
        message: message(lines),
    }
}

fn of_the_agent(agent: &AgentRecord, record: &Record) -> Annotation {
    let what = match (Came::of(agent), agent.status) {
        _ if agents::is_revoked(agent) => "was revoked",
        (Came::Through, _) if agent.violations.is_empty() && agent.missing.is_empty() => "asks for a promotion",
        (Came::Through, _) => "was warned",
        (Came::HeldUp, AgentStatus::Pending) => "did not run",
        (Came::HeldUp, _) => "was held up",
        (Came::Lost | Came::Nowhere, _) => "failed",
    };
    let mut lines: Vec<String> =
        Some(agents::headline(agent)).into_iter().filter(|headline| !headline.is_empty()).collect();
    lines.extend(told(of_agent(agent)));
    lines.extend(agents::actions(agent, record).iter().map(|action| format!("→ {}", excerpt(action, QUOTED))));
    let title = excerpt(&format!("agent {} {what}", agent.agent), TITLE);
    Annotation { title, file: None, line: None, message: message(lines) }
}

/// As many of `rows` as a message has, a line each, and how many more there are.
fn told<'a>(mut rows: impl Iterator<Item = Row<'a>>) -> Vec<String> {
    let line = |row: Row<'_>| {
        let words = [row.kind.label(), row.code, &row.place(), &row.text].map(|word| excerpt(word, QUOTED));
        words.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join("  ")
    };
    let mut lines: Vec<String> = rows.by_ref().take(ROWS).map(line).collect();
    let more = rows.count();
    lines.extend((more > 0).then(|| format!("… and {more} more in decision.json")));
    lines
}

fn of_finding(gate: &GateResult, finding: &Finding, record: &Record) -> Annotation {
    let file = finding.path.as_ref().and_then(|path| file(gate, path, &record.policy.uri));
    // Where no file is named to GitHub, the message has to say where.
    let place = if file.is_some() { String::new() } else { crate::decision::place(finding) };
    let words = [place.as_str(), &finding.message].map(|word| excerpt(word, QUOTED));
    let words: Vec<String> = words.into_iter().filter(|word| !word.is_empty()).collect();
    let line = file.as_ref().and(finding.line).filter(|line| *line > 0);
    let title = excerpt(&format!("{}: {}", gate.gate.name, finding.code), TITLE);
    Annotation { title, file, line, message: message([words.join(": ")]) }
}

/// A finding's path as one from where the run started, which a step starts in its repository; nothing for what cannot be
/// a file's path. A validator is told paths below the manifest's folder.
fn file(gate: &GateResult, path: &str, manifest: &str) -> Option<String> {
    let folder = match manifest.rsplit_once('/') {
        Some((folder, _)) if gate.gate.kind == Kind::Validator && !path.starts_with('/') => format!("{folder}/"),
        _ => String::new(),
    };
    let path = format!("{folder}{path}");
    let fits = path.trim() == path && (1..=PATH).contains(&path.len());
    (fits && !path.contains(is_unsafe) && !path.contains("##[")).then_some(path)
}

/// As many of `lines` as fit into a message with room for what the last annotation says; at least the first one.
fn message(lines: impl IntoIterator<Item = String>) -> String {
    let mut message = String::new();
    for line in lines {
        if message.is_empty() {
            message = line;
        } else if message.len() + 1 + line.len() <= MESSAGE - REST {
            message.push('\n');
            message.push_str(&line);
        } else {
            message.push_str("\n…");
            break;
        }
    }
    if message.is_empty() { "nothing more is known".to_owned() } else { message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        decision::samples::{advisory, bare, finding, gate},
        report::samples::{check_golden, decided, go, governed, record, review_only, signed, suite},
    };

    fn lines(record: &Record) -> Vec<String> {
        annotations(record).lines().map(str::to_owned).collect()
    }

    fn with_findings(findings: Vec<Finding>) -> Record {
        decided(
            vec![GateResult {
                findings: findings.into_iter().map(Into::into).collect(),
                ..bare(gate("flows"), GateOutcome::Fail)
            }],
            false,
        )
    }

    #[test]
    fn the_annotations_of_a_run_with_every_outcome_are_as_they_were() {
        let expect = include_str!("../testdata/github-annotations.txt");
        check_golden("github-annotations.txt", &annotations(&record()), expect);
    }

    #[test]
    fn the_annotations_of_a_run_with_agents_are_as_they_were() {
        let expect = include_str!("../testdata/github-agents.txt");
        check_golden("github-agents.txt", &annotations(&governed()), expect);
    }

    #[test]
    fn an_agent_is_as_loud_as_it_stands_in_the_way() {
        let starts = |change: &dyn Fn(&mut Record)| {
            let mut record = governed();
            record.gates.clear();
            change(&mut record);
            lines(&record).iter().map(|line| line.split("::").nth(1).unwrap_or_default().to_owned()).collect::<Vec<_>>()
        };
        let alone = |index: usize, decision: Ruling| {
            move |record: &mut Record| {
                record.decision = decision;
                record.agents.swap(0, index);
                record.agents.truncate(1);
            }
        };
        let blocked = "error title=blocked%3A release.toml";
        let busy = "error title=agent pack\\u{1b}er did not run";
        assert_eq!(starts(&alone(2, Ruling::Blocked)), [blocked, busy]);
        assert_eq!(starts(&alone(0, Ruling::Go)), ["warning title=agent builder was warned"]);
        let asks = |record: &mut Record| {
            alone(0, Ruling::Go)(record);
            record.agents[0].violations.clear();
        };
        assert_eq!(starts(&asks), ["notice title=agent builder asks for a promotion"]);
        let nothing = |record: &mut Record| {
            asks(record);
            record.agents[0].promotion = None;
        };
        assert_eq!(starts(&nothing), [""; 0]);
    }

    #[test]
    fn a_go_has_no_errors() {
        let starts = |record: &Record| -> Vec<String> {
            lines(record).iter().map(|line| line.split("::").nth(1).unwrap_or_default().to_owned()).collect()
        };
        assert_eq!(starts(&go()), ["warning title=policy_privacy failed"]);
        assert_eq!(starts(&suite()), ["notice title=hmr_quiesce was signed off"]);
        assert_eq!(starts(&decided(vec![bare(gate("a"), GateOutcome::Pass)], false)), [""; 0]);
        let notice = ["error title=blocked%3A release.toml", "notice title=hmr_quiesce waits for a person"];
        assert_eq!(starts(&review_only(false)), notice);
        let strict = ["error title=no-go%3A release.toml", "error title=hmr_quiesce waits for a person"];
        assert_eq!(starts(&review_only(true)), strict);
    }

    #[test]
    fn no_more_are_made_than_are_shown_and_the_last_one_counts_the_rest() {
        let mut findings: Vec<Finding> = (1..=500).map(|line| finding("VALIDATION_ERROR", line)).collect();
        findings.extend((1..=12).map(|line| Finding { severity: Severity::Warning, ..finding("odd", line) }));
        let lines = lines(&with_findings(findings));
        let of = |level: &str| lines.iter().filter(|line| line.starts_with(level)).collect::<Vec<_>>();
        let (errors, warnings) = (of("::error "), of("::warning "));
        assert_eq!((errors.len(), warnings.len(), lines.len()), (SHOWN, SHOWN, 2 * SHOWN));
        // The decision and the gate come first, so 8 of the 500 have an annotation of their own.
        assert!(errors[SHOWN - 1].contains("line=8::") && errors[SHOWN - 1].contains("… and 492 more are not shown"));
        assert!(warnings[SHOWN - 1].contains("… and 2 more are not shown"), "{}", warnings[SHOWN - 1]);
    }

    #[test]
    fn a_message_is_never_longer_than_a_runner_takes() {
        let mut many: Vec<Finding> = (1..=50).map(|line| finding("VALIDATION_ERROR", line)).collect();
        many.iter_mut().for_each(|finding| finding.message = "𝄞\n".repeat(5_000));
        let record = with_findings(many);
        for level in Level::ALL {
            for (of, topic) in topics(&record) {
                let message = topic.annotation(&record).message;
                assert!(of != level || message.len() + REST <= MESSAGE + 4, "{}", message.len());
            }
        }
    }

    #[test]
    fn only_what_can_be_a_file_is_named_as_one() {
        let validator = || GateResult::skipped(crate::decision::GateFacts { kind: Kind::Validator, ..gate("v") }, "");
        let other = || GateResult::skipped(gate("g"), "");
        for (gate, path, manifest, expect) in [
            (validator(), "flows/a.aether", "release.toml", Some("flows/a.aether")),
            (validator(), "flows/a.aether", "manifests/x/m.toml", Some("manifests/x/flows/a.aether")),
            (validator(), "/abs", "manifests/m.toml", Some("/abs")),
            (other(), "src/a.rs", "manifests/m.toml", Some("src/a.rs")),
            (other(), "a\nb", "m.toml", None),
            (other(), " a", "m.toml", None),
            (other(), "", "m.toml", None),
            (other(), "a##[add-mask]", "m.toml", None),
            (other(), &"a".repeat(PATH + 1), "m.toml", None),
        ] {
            assert_eq!(file(&gate, path, manifest).as_deref(), expect, "{path}");
        }
    }

    #[test]
    fn an_advisory_failure_and_a_skipped_gate_are_warnings_and_hostile_words_stay_in_their_line() {
        let mut hostile = bare(advisory("a"), GateOutcome::Fail);
        hostile.findings = vec![Finding { path: None, ..finding("::error::\n##[x]", 1) }.into()];
        hostile.findings[0].finding.message = "\n::add-mask::e\r\n::set-env name=A::b".into();
        let skipped = GateResult::skipped(gate("b"), "needs `a`");
        let passed = bare(gate("c"), GateOutcome::Pass);
        let lines = lines(&decided(vec![hostile, skipped, passed, signed(gate("d"))], false));
        let starts: Vec<&str> = lines.iter().filter_map(|line| line.split("::").nth(1)).collect();
        let expect = [
            "error title=blocked%3A release.toml",
            "warning title=a failed",
            "warning title=b did not run",
            "notice title=d was signed off",
        ];
        assert_eq!(starts, expect, "{lines:?}");
        assert!(lines[1].contains("\\u{a}::add-mask::e\\u{d}\\u{a}::set-env"), "{}", lines[1]);
    }
}
