//! Passes when a memory gave back what it was given, and counts its nodes. That it does so without a quantum backend is
//! worth a note and no more.
#![cfg_attr(target_family = "wasm", no_std, no_main)]

use portcullis_sdk::{
    Json,
    evidence::{Collected, Exchange, Members, same},
    json,
    prelude::*,
};

/// The two documents, under the names that the manifest's `input` gives them.
#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    transcript: &'a RawValue,
    #[serde(borrow)]
    status: &'a RawValue,
}

/// What the record keeps beside the checks, as the memory's status says it.
#[derive(Serialize)]
struct Details<'a> {
    node_statistics: Option<&'a RawValue>,
    quantum_backend: Option<bool>,
}

portcullis_sdk::gate!(judge);

fn judge<'a>(Request { input, .. }: Request<'a, NoParams, Input<'a>>) -> Result<Ruling, Fault> {
    let Memory { stored, retrieved, succeeded } = remembered(input.transcript)?;
    let (status_succeeded, status) = said("status", input.status)?;
    let kept = retrieved.into_iter().flatten().any(|value| same(value, &stored));
    let node_statistics = status.get("node_statistics");
    let nodes = node_statistics.and_then(Members::read).filter(|nodes| !nodes.is_empty());
    let total = nodes.as_ref().and_then(|nodes| nodes.get("total_nodes"));
    let total: Option<u64> = total.map(|total| json::read(total.get()).unwrap_or(0));
    let quantum_backend = quantum_backend(&status);

    let came_back = if kept { "came back" } else { "did not come back" };
    let ruling = Ruling::new()
        .check_or("calls_succeeded", succeeded, "call_failed")
        .check_or("retrieved_is_stored", kept, "retrieved_differs")
        .check_or("status_succeeded", status_succeeded, "status_failed")
        .check_or("node_statistics_present", nodes.is_some(), "node_statistics_missing")
        .check_or("nodes_counted", total != Some(0), "no_nodes")
        .summary(format!(
            "what was stored {came_back}; nodes: {}",
            total.map_or("untold".into(), |total| total.to_string())
        ))
        .details(&Details { node_statistics, quantum_backend });
    Ok(if quantum_backend == Some(false) {
        ruling.finding(Finding::note("QUANTUM_BACKEND_ABSENT", "the memory runs without its quantum backend"))
    } else {
        ruling
    })
}

/// What a server or a command said, or a document that says it by itself; and whether the call succeeded.
fn said<'a>(name: &str, document: &'a RawValue) -> Result<(bool, Members<&'a RawValue>), Fault> {
    let bad = |error: json::Error| Fault::bad_input(format!("{name}: {error}"));
    if !Collected::is(document) {
        return json::read(document.get()).map(|members| (true, members)).map_err(bad);
    }
    let said: Collected<'a> = json::read(document.get()).map_err(bad)?;
    if said.is_cut() {
        return Err(Fault::bad_input(format!("{name}: it is cut")));
    }
    Ok((said.succeeded(), said.document().and_then(Members::read).unwrap_or_default()))
}

/// What was stored, and all that counts as what came back: one of it has to be the same.
struct Memory<'a> {
    stored: Json,
    retrieved: [Option<&'a RawValue>; 3],
    succeeded: bool,
}

/// Reads a transcript. A memory that was given nothing cannot show that it keeps anything.
fn remembered(document: &RawValue) -> Result<Memory<'_>, Fault> {
    let (succeeded, transcript) = said("transcript", document)?;
    let completed = transcript.get("outcome").is_some_and(|outcome| outcome.get() == "\"completed\"");
    let memory = match (transcript.get("stored"), transcript.get("retrieved"), transcript.get("exchanges")) {
        (Some(stored), Some(retrieved), None) => {
            Memory { stored: stored.to_owned(), retrieved: [Some(retrieved), None, None], succeeded }
        }
        (None, None, Some(exchanges)) if completed => exchanged(exchanges)?,
        _ => return Err(Fault::bad_input("transcript: neither `stored` and `retrieved` nor completed `exchanges`")),
    };
    let is_nothing = |nothing| json::read(nothing).is_ok_and(|nothing| same(&memory.stored, nothing));
    if ["null", "\"\"", "[]", "{}"].into_iter().any(is_nothing) {
        return Err(Fault::bad_input("transcript: nothing was stored"));
    }
    Ok(memory)
}

/// The first exchange stores its request's body; the last gets it back, as its response or as a member of that.
fn exchanged(exchanges: &RawValue) -> Result<Memory<'_>, Fault> {
    let bad = |what: &str| Fault::bad_input(format!("transcript: {what}"));
    let exchanges: Vec<Exchange<'_>> = json::read(exchanges.get()).map_err(|error| bad(&error.to_string()))?;
    let [first, .., last] = exchanges.as_slice() else { return Err(bad("fewer than two exchanges")) };
    if last.is_cut() {
        return Err(bad("the last response is cut"));
    }
    let body = first.request.body.as_deref().ok_or_else(|| bad("the first request has no body"))?;
    let stored = json::read(body).map_err(|error| bad(&format!("the first request's body: {error}")))?;
    let members = last.json.and_then(Members::read).unwrap_or_default();
    let retrieved = [last.json, members.get("memory"), members.get("data")];
    Ok(Memory { stored, retrieved, succeeded: exchanges.iter().all(|exchange| exchange.status / 100 == 2) })
}

/// Whether the status says that there is one; none if it says nothing of it.
fn quantum_backend(status: &Members<&RawValue>) -> Option<bool> {
    let quantum = status.get("quantum");
    let available = quantum.and_then(Members::read).and_then(|quantum| quantum.get("available"));
    let told = status.get("quantum_available").or(available).or(quantum)?;
    Some(!matches!(told.get(), "false" | "null"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use portcullis_sdk::{RawValue, json, testing};

    #[test]
    fn the_cases_hold() {
        testing::cases(super::judge, concat!(env!("CARGO_MANIFEST_DIR"), "/cases"));
    }

    #[test]
    fn the_details_show_the_nodes_as_they_were_written() {
        let input: &RawValue = json::read(
            r#"{"transcript":{"stored":1,"retrieved":1.0},
                "status":{"node_statistics":{"total_nodes":2,"drift":0.10},"quantum":null}}"#,
        )
        .expect("it is JSON");
        let answer = testing::ask(super::judge, &BTreeMap::<&str, u8>::new(), input).expect("it is answered");
        assert_eq!(
            answer.details.expect("there are details").get(),
            r#"{"node_statistics":{"total_nodes":2,"drift":0.10},"quantum_backend":false}"#
        );
    }
}
