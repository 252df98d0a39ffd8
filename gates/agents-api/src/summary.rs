//! The orchestrator's summary in a response: a member `orchestrator` or `orchestrator_summary` that is an object with
//! something in it.

use core::fmt;

use portcullis_sdk::{evidence::Exchange, json, prelude::*};
use serde::{
    Deserializer,
    de::{MapAccess, Visitor},
};

const NAMES: [&str; 2] = ["orchestrator", "orchestrator_summary"];

/// The name of the response's member that is the summary.
pub fn of(response: &RawValue) -> Option<&'static str> {
    let Members(members) = json::read(response.get()).ok()?;
    members.iter().find_map(|(name, value)| named_summary(name, value))
}

/// Whether a response shows the summary at any depth, in its body or in one of its events. Of what is not read as JSON, or
/// cannot be, the names alone count.
pub fn is_anywhere_in(response: &Exchange<'_>) -> bool {
    let events = response.events.iter().flatten().map(|event| (event.json, &event.data));
    let body = response.body.iter().map(|body| (response.json, body));
    body.chain(events).any(|(json, text)| json.map_or_else(|| NAMES.iter().any(|name| text.contains(name)), is_inside))
}

/// The reader's limit on nesting bounds the recursion.
fn is_inside(value: &RawValue) -> bool {
    if let Ok(Members(members)) = json::read(value.get()) {
        return members.iter().any(|(name, value)| named_summary(name, value).is_some() || is_inside(value));
    }
    json::read::<Vec<&RawValue>>(value.get()).is_ok_and(|list| list.into_iter().any(is_inside))
}

fn named_summary(name: &str, value: &RawValue) -> Option<&'static str> {
    let name = NAMES.into_iter().find(|known| *known == name)?;
    json::read(value.get()).is_ok_and(|Members(members)| !members.is_empty()).then_some(name)
}

/// An object's members, also those whose name stands there twice: one that another hides is shown all the same.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Members(members))
    }
}
