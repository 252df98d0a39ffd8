//! Passes when an audit log shows that every hot reload which was prepared was swapped or rolled back, and that nothing was
//! left in flight; asks for a person where there is no log to show it.
#![cfg_attr(target_family = "wasm", no_std, no_main)]

extern crate alloc;

mod reloads;

use portcullis_sdk::prelude::*;
use reloads::{Event, Reloads};

portcullis_sdk::gate!(judge);

fn judge<'a>(Request { input, .. }: Request<'a, NoParams, Option<Vec<Event<'a>>>>) -> Ruling {
    let log = input.unwrap_or_default();
    if log.is_empty() {
        return follow_up("NO_AUDIT_LOG", "there is no audit log; look at a reload by hand");
    }
    let reloads = Reloads::in_log(&log);
    if reloads.last.is_none() {
        return follow_up("NO_RELOAD_IN_LOG", "the audit log shows no reload; make one, or look by hand");
    }
    ruling(&reloads)
}

/// Nothing was seen, so a person has to look.
fn follow_up(code: &str, reason: &str) -> Ruling {
    #[derive(Serialize)]
    struct Details<'a> {
        manual_followup: bool,
        reason: &'a str,
    }
    Ruling::new().review(code, reason).summary(reason).details(&Details { manual_followup: true, reason })
}

/// A check for each way in which a reload can go wrong, and a finding at the first event where it did.
fn ruling(reloads: &Reloads<'_>) -> Ruling {
    let Reloads { prepares, swaps, rollbacks, .. } = reloads;
    let summary = format!("reloads prepared: {prepares}, swaps: {swaps}, rollbacks: {rollbacks}");
    let checks = [
        ("reloads_ended", reloads.left_open, "LEFT_OPEN", "no HMR_SWAP or HMR_ROLLBACK ends this HMR_PREPARE"),
        ("ends_prepared", reloads.unprepared, "UNPREPARED", "no HMR_PREPARE of this target is open here"),
        ("nothing_in_flight", reloads.undrained, "IN_FLIGHT", "the reload ended with work in flight"),
    ];
    checks.into_iter().fold(Ruling::new().summary(summary).details(reloads), |ruling, (id, broken, code, message)| {
        let ruling = ruling.check_or(id, broken.is_none(), code.to_ascii_lowercase());
        match broken {
            None => ruling,
            Some(index) => ruling.finding(Finding::error(code, message).at(format!("/{index}"))),
        }
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use portcullis_sdk::{Answer, RawValue, json, testing};

    #[test]
    fn the_cases_hold() {
        testing::cases(super::judge, concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
    }

    #[test]
    fn the_details_count_and_show_the_last_event_as_it_was_written() {
        let answer = ask(r#"[{"event":"HMR_PREPARE","target":"engine"},{"event":"gated","ok":false},
                {"event":"HMR_SWAP","target":"engine","inflight":0,"ts":1730000000.120,"source":"x"}]"#);
        assert_eq!(
            answer.details.expect("there are details").get(),
            r#"{"prepares":1,"swaps":1,"rollbacks":0,"in_flight":0,"last":{"event":"HMR_SWAP","target":"engine","ts":1730000000.120}}"#
        );
    }

    #[test]
    fn a_review_says_why_in_its_details() {
        let details = ask("null").details.expect("there are details");
        assert!(details.get().starts_with(r#"{"manual_followup":true,"reason":"there is no audit log"#), "{details}");
    }

    #[test]
    fn a_finding_is_at_the_first_event_that_went_wrong() {
        let answer = ask(r#"[{"event":"HMR_SWAP"},{"event":"HMR_PREPARE"},{"event":"HMR_PREPARE"}]"#);
        let places: Vec<_> = answer.findings.iter().filter_map(|finding| finding.pointer.as_deref()).collect();
        assert_eq!(places, ["/1", "/0"]);
    }

    fn ask(log: &str) -> Answer {
        let log: &RawValue = json::read(log).expect("it is JSON");
        testing::ask(super::judge, &BTreeMap::<&str, u8>::new(), log).expect("it is answered")
    }
}
