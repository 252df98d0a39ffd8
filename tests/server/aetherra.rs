//! What Aetherra answers, but for the one thing that it was told to get wrong.

use serde_json::{Value, json};

use super::{
    Behaviour, State, lock,
    wire::{Body, Request, Response},
};

/// The token of the agents' API.
pub(crate) const TOKEN: &str = "token-of-the-agents-4711";

/// What it would know a client by.
pub(crate) const COOKIE: &str = "session-cookie-2342";

/// How many `delta` events a conversation has.
const DELTAS: usize = 4;

pub(super) fn answer(request: &Request, state: &State) -> Response {
    let behaviour = &state.behaviour;
    match (request.method.as_str(), request.path()) {
        ("GET", "/api/ai/stream") => stream(request.header("last-event-id"), behaviour),
        ("GET", "/api/kernel/services") => services(behaviour),
        ("POST", "/api/memory/store") => {
            *lock(&state.memory) = request.json();
            Response::json(200, &json!({ "ok": true, "node_id": "node-1" }))
        }
        ("GET", "/api/memory/retrieve") => retrieved(lock(&state.memory).clone(), behaviour),
        ("GET", "/api/memory/status") => memory_status(behaviour),
        ("GET", "/api/agents") => agents(request.header("authorization"), behaviour),
        ("POST", "/api/net/fetch") if *behaviour == Behaviour::OutboundAllowed => {
            Response::json(200, &json!({ "denied": false, "status": 200 }))
        }
        ("POST", "/api/net/fetch") => Response::json(403, &json!({ "denied": true, "reason": "not on the allowlist" })),
        _ => Response::json(404, &json!({ "error": "not found" })),
    }
}

fn services(behaviour: &Behaviour) -> Response {
    let mut services = vec!["memory_system", "plugin_manager", "aetherra_engine", "service_registry"];
    if *behaviour == Behaviour::ServiceMissing {
        services.retain(|service| *service != "plugin_manager");
    }
    Response::json(200, &json!({ "services": services }))
}

/// What was stored, as it was.
fn retrieved(stored: Option<Value>, behaviour: &Behaviour) -> Response {
    match stored {
        None => Response::json(404, &json!({ "error": "no such node" })),
        Some(_) if *behaviour == Behaviour::MemoryOther => {
            Response::json(200, &json!({ "messages": ["Bye"], "kind": "conversation" }))
        }
        Some(stored) => Response::json(200, &stored),
    }
}

fn memory_status(behaviour: &Behaviour) -> Response {
    let mut status = json!({
        "mode": "hybrid",
        "node_statistics": { "total_nodes": 1 },
        "quantum": { "available": true, "backend": "simulator" },
    });
    match behaviour {
        Behaviour::StatisticsMissing => status["node_statistics"] = Value::Null,
        Behaviour::QuantumAbsent => status["quantum"] = json!({ "available": false, "fallback": "classical" }),
        _ => {}
    }
    Response::json(200, &status)
}

fn agents(authorization: Option<&str>, behaviour: &Behaviour) -> Response {
    let known = authorization.and_then(|it| it.strip_prefix("Bearer ")).is_some_and(|token| token == TOKEN);
    let mut summary = json!({ "enabled": true, "agents": [], "orchestrator": { "status": "idle", "agents": 0 } });
    match behaviour {
        Behaviour::AgentsClosed => return Response::json(501, &json!({ "error": "disabled" })),
        Behaviour::OrchestratorMissing => summary = json!({ "enabled": true, "agents": [] }),
        _ => {}
    }
    if known || *behaviour == Behaviour::AgentsOpen {
        Response::json(200, &summary)
    } else {
        Response::json(401, &json!({ "error": "a token is needed" }))
    }
}

/// What clients may do, as the header and the policy event have it.
fn policy(behaviour: &Behaviour) -> Value {
    match behaviour {
        Behaviour::PrivacyKeysMissing => json!({ "scratchpad_policy": "redacted" }),
        _ => json!({ "scratchpad_policy": "redacted", "dp_enabled": true, "dp_epsilon": 8.0 }),
    }
}

fn stream(last: Option<&str>, behaviour: &Behaviour) -> Response {
    let mut headers = vec![
        ("content-type", "text/event-stream; charset=utf-8".to_owned()),
        ("cache-control", "no-store".to_owned()),
        ("set-cookie", format!("session={COOKIE}")),
    ];
    match behaviour {
        Behaviour::HeaderMissing => {}
        Behaviour::HeaderNotJson => headers.push(("x-aetherra-policy", "redacted; dp=on".to_owned())),
        _ => headers.push(("x-aetherra-policy", policy(behaviour).to_string())),
    }
    let events = with_ids(conversation(behaviour), behaviour);
    let events = resumed(&events, last.and_then(|last| last.parse().ok()), behaviour);
    Response { status: 200, headers, body: Body::Events(events) }
}

/// The events of one conversation, name and data, without ids.
fn conversation(behaviour: &Behaviour) -> Vec<(&'static str, String)> {
    let mut events =
        vec![("status", json!({ "state": "started" }).to_string()), ("policy", policy(behaviour).to_string())];
    events.extend((0..DELTAS).map(|at| ("delta", json!({ "text": format!("word {at}") }).to_string())));
    events.push(("usage", json!({ "tokens": 12 }).to_string()));
    events.push(("final", json!({ "text": "done" }).to_string()));
    let without = |name| move |event: &(&str, String)| event.0 != name;
    match behaviour {
        Behaviour::StatusMissing => events.retain(without("status")),
        Behaviour::PolicyMissing => events.retain(without("policy")),
        Behaviour::PolicyLate => {
            let policy = events.remove(1);
            events.insert(4, policy);
        }
        Behaviour::UsageMissing => events.retain(without("usage")),
        Behaviour::FinalMissing => events.retain(without("final")),
        Behaviour::UsageAfterFinal => events.swap(DELTAS + 2, DELTAS + 3),
        _ => {}
    }
    events
}

/// The events as they go onto the wire, each with the number that it is resumed by.
fn with_ids(events: Vec<(&'static str, String)>, behaviour: &Behaviour) -> Vec<(usize, String)> {
    let one = |(number, (name, data)): (usize, (&str, String))| {
        let id = match behaviour {
            Behaviour::IdsRepeat if number > 3 => (number - 1).to_string(),
            Behaviour::IdsSkip if number > 3 => (number + 1).to_string(),
            Behaviour::IdsNoNumbers => format!("event-{number}"),
            _ => number.to_string(),
        };
        let event = match behaviour {
            Behaviour::EventsMalformed => format!("id {id}\nevents: {name}\nnothing\n: {data}\n\n"),
            _ => format!("id: {id}\nevent: {name}\ndata: {data}\n\n"),
        };
        (number, event)
    };
    (1..).zip(events).map(one).collect()
}

/// What is left of the stream behind the event that was seen last.
fn resumed(events: &[(usize, String)], last: Option<usize>, behaviour: &Behaviour) -> Vec<String> {
    let first = match (last, behaviour) {
        (None, _) | (Some(_), Behaviour::ResumeFromStart) => 1,
        (Some(last), Behaviour::ResumeSkips) => last + 2,
        (Some(last), Behaviour::ResumeRepeats) => last,
        (Some(last), _) => last + 1,
    };
    events.iter().filter(|(number, _)| *number >= first).map(|(_, event)| event.clone()).collect()
}
