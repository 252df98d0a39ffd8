//! How many gates and agents came to what, in words.

use super::Record;
use crate::{agent::AgentStatus, decision::Summary, text::counted};

/// `3 gates: 2 passed, 1 advisory failed; 1 agent: 1 completed in 12 ms`.
pub(super) fn tally(record: &Record) -> String {
    let signed = record.gates.iter().filter(|gate| gate.sign_off.is_some()).count();
    let passing = if signed == 0 { "passed".to_owned() } else { format!("passed ({signed} signed off)") };
    let Summary { gates, passed, failed, advisory_failed, review, not_applicable, skipped, faults, duration_ms } =
        record.summary;
    let counts = [
        (passed, passing.as_str()),
        (failed.saturating_sub(advisory_failed), "failed"),
        (advisory_failed, "advisory failed"),
        (faults, "without a verdict"),
        (review, "waiting for a person"),
        (not_applicable, "not applicable"),
        (skipped, "skipped"),
    ];
    let counts: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
    let colon = if counts.is_empty() { "" } else { ": " };
    let gates = counted(gates, "gate", "gates");
    format!("{gates}{colon}{}{} in {}", counts.join(", "), agents(record), milliseconds(duration_ms))
}

/// `; 2 agents: 1 completed, 1 revoked`; nothing where there are none.
fn agents(record: &Record) -> String {
    let count = |status: &AgentStatus| record.agents.iter().filter(|agent| agent.status == *status).count();
    let counts = AgentStatus::ALL.iter().map(|status| (count(status), status)).filter(|(count, _)| *count > 0);
    let counts: Vec<String> =
        counts.map(|(count, status)| format!("{count} {}", status.name().to_lowercase())).collect();
    if counts.is_empty() {
        return String::new();
    }
    format!("; {}: {}", counted(record.agents.len(), "agent", "agents"), counts.join(", "))
}

/// A duration as people read it: `0.4 ms`, `12 ms`, `5.0 s`, `2 min 5 s`.
pub(super) fn milliseconds(milliseconds: f64) -> String {
    match milliseconds {
        ms if ms < 9.95 => format!("{ms:.1} ms"),
        ms if ms < 999.5 => format!("{ms:.0} ms"),
        ms if ms < 59_950.0 => format!("{:.1} s", ms / 1_000.0),
        ms => {
            let seconds = (ms / 1_000.0).round() as u64;
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_told_as_people_read_them() {
        for (ms, expect) in [
            (0.0, "0.0 ms"),
            (0.44, "0.4 ms"),
            (9.96, "10 ms"),
            (999.4, "999 ms"),
            (999.6, "1.0 s"),
            (59_949.0, "59.9 s"),
            (125_000.0, "2 min 5 s"),
        ] {
            assert_eq!(milliseconds(ms), expect);
        }
    }
}
