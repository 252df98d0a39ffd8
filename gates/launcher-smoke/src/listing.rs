//! The list of services, wherever it stands: in a document of its own, or in what a server or a command said.

use portcullis_sdk::{evidence::Collected, json, prelude::*};

/// The services that are listed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Their names, in the list's order; as far as there is a list.
    pub services: Vec<String>,
    /// The name of what makes it no list of what runs, if something does.
    pub failure: Option<&'static str>,
}

impl Listing {
    /// The list in a piece of evidence. One that is written down and is none was never one: a fault. A server or a command
    /// that gives none misbehaves: a failure.
    pub fn of(evidence: &RawValue) -> Result<Self, Fault> {
        if !Collected::is(evidence) {
            return Ok(Self::unless_empty(names(evidence)?));
        }
        let source: Collected<'_> = json::read(evidence.get())?;
        let services = source.document().and_then(|document| names(document).ok());
        Ok(match services {
            services if !source.succeeded() => Self::failed("launch_failed", services),
            services if source.is_cut() => Self::failed("list_cut", services),
            None => Self::failed("no_list", None),
            Some(services) => Self::unless_empty(services),
        })
    }

    fn unless_empty(services: Vec<String>) -> Self {
        let failure = services.is_empty().then_some("list_empty");
        Self { services, failure }
    }

    fn failed(failure: &'static str, services: Option<Vec<String>>) -> Self {
        Self { services: services.unwrap_or_default(), failure: Some(failure) }
    }
}

/// The names in `["a", {"name": "b"}]`, or in a member `services` that is such a list.
fn names(document: &RawValue) -> Result<Vec<String>, json::Error> {
    #[derive(Deserialize)]
    struct Document<'a> {
        #[serde(borrow)]
        services: Vec<&'a RawValue>,
    }
    let services = if is_object(document) {
        json::read::<Document<'_>>(document.get())?.services
    } else {
        json::read(document.get())?
    };
    services.into_iter().map(name).collect()
}

fn name(service: &RawValue) -> Result<String, json::Error> {
    #[derive(Deserialize)]
    struct Service {
        name: String,
    }
    if is_object(service) {
        return Ok(json::read::<Service>(service.get())?.name);
    }
    json::read(service.get())
}

fn is_object(value: &RawValue) -> bool {
    value.get().starts_with('{')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_in_each_of_its_forms_and_in_no_other() {
        let read = |text: &str| Listing::of(json::read(text).expect("JSON")).ok();
        let listed = |names: &[&str]| Some(Listing::unless_empty(names.iter().map(ToString::to_string).collect()));
        let cases = [
            (r#"["a","b"]"#, listed(&["a", "b"])),
            (r#"[{"name":"a","up":true},"b"]"#, listed(&["a", "b"])),
            (r#" { "services" : [ "a" ] } "#, listed(&["a"])),
            (r#"{"services":[{"name":"\u0061"}],"more":1.5}"#, listed(&["a"])),
            ("[]", listed(&[])),
            (r#"{"services":{"a":true}}"#, None),
            (r#"{"services":null}"#, None),
            (r#"{"exchanges":[]}"#, None),
            ("{}", None),
            ("null", None),
            (r#""a""#, None),
            ("[1]", None),
            ("[null]", None),
            (r#"[["a"]]"#, None),
            (r#"[{"id":"a"}]"#, None),
            (r#"[{"name":1}]"#, None),
            (r#"[{"name":"a","name":"b"}]"#, None),
            (r#"{"services":["a"],"services":["b"]}"#, None),
        ];
        for (text, expect) in cases {
            assert_eq!(read(text), expect, "{text}");
        }
    }
}
