//! Errors that agents make: how many they may, what they are paused for, and what else is only a warning.

use serde_json::json;

use super::{bed::*, *};

fn errors(count: u32) -> String {
    (0..count).map(|number| format!("error E{number}\n")).collect()
}

#[test]
fn the_last_error_that_is_allowed_is_allowed_and_the_next_one_revokes() {
    Bed::each(|bed| {
        let script = |count| format!("{INTO_EXECUTE}{}{TO_THE_END}", errors(count));
        bed.manifest(&[
            &floor(),
            &bed.agent("all", &script(12), ""),
            &bed.agent("more", &script(13), ""),
            &bed.agent("few", &script(3), "errors = { total = 2 }\n"),
        ]);
        bed.run().exits(1);
        let record = bed.dir.decision();
        assert_eq!(texts(&record["agents"], "status"), ["COMPLETED", "REVOKED", "REVOKED"]);
        assert_eq!(record["errorBudget"]["status"], "exceeded");
        let spent: Vec<_> = record["errorBudget"]["agents"].as_array().expect("agents").iter().collect();
        let of_all = |at: usize| (spent[at]["agent"].clone(), spent[at]["spent"]["total"].clone());
        assert_eq!(
            [of_all(0), of_all(1), of_all(2)],
            [(json!("all"), json!(12)), (json!("more"), json!(13)), (json!("few"), json!(3))]
        );
        assert_eq!(spent[0]["budget"], json!({"total": 12, "same": 3, "procedure": 1}));
        let mut ledger = bed.revocations();
        ledger.sort();
        assert_eq!(ledger, ["few ERROR_BUDGET_EXCEEDED", "more ERROR_BUDGET_EXCEEDED"]);
        for agent in ["all", "more", "few"] {
            bed.has_kept_what_it_said(agent);
        }
    });
}

/// Makes the same error three times, and goes on once it has acknowledged the plan that it is told.
pub(super) fn paused() -> String {
    let acknowledges = r#"
error E1; error E1; error E1
while IFS= read -r line; do case "$line" in *'"paused"'*) break;; esac; done
printf '%s\n' "$line" > "$ME.plan"
plan=${line#*'"plan_id":"'}; plan=${plan%%'"'*}
say "{\"acknowledge\":\"$plan\"}"
hear resumed
"#;
    format!("{INTO_EXECUTE}{acknowledges}{TO_THE_END}")
}

#[test]
fn the_same_error_three_times_pauses_until_a_clarified_plan_is_acknowledged() {
    Bed::each(|bed| {
        bed.manifest(&[&floor(), &bed.agent("a", &paused(), "objective = 'build it'\n")]);
        let mut running = bed.start();
        until_there("it asks for a plan", &mut running, || asks(bed, "a"));
        assert_eq!(bed.snapshot("a")["status"], "PAUSED");
        let clarify =
            ["clarify", "a", "--project", "e2e", "--objective", "build without the cache", "--adjust", "no cache"];
        bed.office(&clarify).exits(0).says("error E1 came 3 times");
        running.wait().exits(0);
        let told: Value = serde_json::from_str(&bed.dir.text("a.plan")).expect("JSON");
        let plan = &told["paused"]["clarified_plan"];
        assert_eq!(
            (&plan["clarified_objective"], &plan["adjustments"]),
            (&json!("build without the cache"), &json!(["no cache"]))
        );
        assert_eq!(
            (&plan["original_objective"], &plan["trigger_reason"]),
            (&json!("build it"), &json!("error E1 came 3 times"))
        );
        let record = bed.dir.decision();
        assert_eq!(
            (&of(&record, "a")["status"], &record["errorBudget"]["agents"][0]["spent"]["total"]),
            (&json!("COMPLETED"), &json!(3))
        );
        let project = portcullis::state::keys::id_of("e2e");
        let mail = bed.list(&portcullis::state::keys::project_broadcast(&project));
        let last = mail.last().expect("mail");
        assert_eq!((mail.len(), &last["plan"]["acknowledged_by"]), (3, &json!(["a"])), "{mail:?}");
        bed.office(&clarify).exits(2).refuses_with("agent-has-no-question");
    });
}

/// Whether it waits for a clarified plan.
pub(super) fn asks(bed: &Bed, agent: &str) -> bool {
    let project = portcullis::state::keys::id_of("e2e");
    let questions = portcullis::govern::questions(&*bed.store, &project).expect("read");
    questions.iter().any(|question| question.trouble.agent_id == agent)
}

#[test]
fn too_little_confidence_and_a_missing_output_are_warnings() {
    let bed = Bed::sqlite();
    let doubts = format!(
        "hear started\nenter BOOTSTRAP\nenter PREFLIGHT\nenter PLAN\nsay '{{\"plan\":{{}},\"confidence\":0.5}}'\nhear '\"warning\":{{\"type\":\"CONFIDENCE_BELOW_THRESHOLD\"'\nhear accepted_plan\nenter EXECUTE\n{TO_THE_END}"
    );
    let nothing = "hear started\nenter BOOTSTRAP\nenter PREFLIGHT\nenter PLAN\noffer\nenter EXECUTE\nenter VERIFY\nenter PACKAGE\nenter REPORT\nsay '{\"done\":true}'\n";
    bed.manifest(&[
        &floor(),
        &bed.agent("doubts", &doubts, "confidence = 0.7\n"),
        &bed.agent("sure", &work(), "confidence = 0.9\n"),
        &bed.agent("idle", nothing, ""),
    ]);
    bed.run().exits(0);
    let record = bed.dir.decision();
    let mut told: Vec<_> = record["violations"]
        .as_array()
        .expect("violations")
        .iter()
        .map(|it| format!("{} {} {} {}", it["agent"], it["type"], it["severity"], it["consequence"]).replace('"', ""))
        .collect();
    told.sort();
    assert_eq!(told, ["doubts CONFIDENCE_BELOW_THRESHOLD low warning", "idle MISSING_ARTIFACT low warning"]);
    assert!(bed.revocations().is_empty());
}
