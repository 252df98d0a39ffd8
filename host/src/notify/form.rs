//! An event in the form that a webhook takes.

use serde_json::{Map, Value, json};

use super::event::Told;
use crate::manifest::Form;
use crate::text::{excerpt, inert};

/// GitHub takes less than 64 kB, whichever those are.
const MOST_GITHUB: usize = 60_000;

// What Slack takes of a header, of a field and of a section is 150, 2,000 and 3,000 characters.
const HEADER: usize = 150;
const FIELD: usize = 400;
const SECTION: usize = 2900;
/// The most characters of a name in a notification.
const NAME: usize = 60;
/// The most members of a detail that are shown, and the most characters of one.
const MEMBERS: usize = 20;
const MEMBER: usize = 300;

/// The body of the request.
pub(super) fn body(form: Form, told: &Told) -> String {
    match form {
        Form::Portcullis => told.line.trim_end_matches('\n').to_owned(),
        Form::Slack => inert(slack(told).to_string()),
        Form::Github => github(told),
    }
}

/// <https://docs.github.com/rest/repos/repos#create-a-repository-dispatch-event>
fn github(told: &Told) -> String {
    let around = format!("{{\"event_type\":\"{}\",\"client_payload\":", told.word);
    format!("{around}{}}}", told.json_within(MOST_GITHUB - around.len() - 1))
}

/// All that is not the notifier's own stands in `plain_text`, in which nothing is markup: no link, no mention, no emoji. Of the
/// `text`, which notifications show instead, that depends on whoever shows it: so it holds names without anything that could
/// be markup.
fn slack(told: &Told) -> Value {
    let named = [("Agent", told.agent_id.as_deref()), ("Phase", told.phase.as_deref()), ("Run", Some(&told.run_id))];
    let fields: Vec<_> =
        named.iter().filter_map(|(name, value)| Some(plain(&format!("{name}: {}", (*value)?), FIELD))).collect();
    let mut blocks = vec![
        json!({ "type": "header", "text": plain(&format!("{} in {}", told.word, told.pipeline), HEADER) }),
        json!({ "type": "section", "fields": fields }),
    ];
    let detail = detail(&told.detail);
    if !detail.is_empty() {
        blocks.push(json!({ "type": "section", "text": { "type": "plain_text", "text": detail, "emoji": false } }));
    }
    let at =
        if told.cut { format!("{}, cut, id {}", told.time, told.id) } else { format!("{}, id {}", told.time, told.id) };
    blocks.push(json!({ "type": "context", "elements": [plain(&at, FIELD)] }));
    let agent = told.agent_id.as_ref().map(|agent| format!(", agent {}", bare(agent))).unwrap_or_default();
    let text = format!("{} in {}{agent}", told.word, bare(&told.pipeline));
    json!({ "text": text, "mrkdwn": false, "unfurl_links": false, "unfurl_media": false, "blocks": blocks })
}

/// The start of a name in letters, digits and `-`, which stands for all else.
fn bare(name: &str) -> String {
    name.chars().take(NAME).map(|character| if character.is_ascii_alphanumeric() { character } else { '-' }).collect()
}

/// One line a member, as far as they go into a section.
fn detail(detail: &Map<String, Value>) -> String {
    let (mut lines, mut left) = (Vec::new(), SECTION);
    for (name, value) in detail.iter().take(MEMBERS) {
        let value = match value {
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        let line = escaped(&format!("{name}: {value}"), MEMBER.min(left));
        left = left.saturating_sub(width(&line) + 2);
        lines.push(line);
    }
    if detail.len() > MEMBERS {
        lines.push("…".to_owned());
    }
    lines.join("\n")
}

fn plain(text: &str, most: usize) -> Value {
    json!({ "type": "plain_text", "text": escaped(text, most), "emoji": false })
}

/// `text` with nothing in it that ends a line, hides or leads elsewhere, in at most `most` characters as Slack counts them.
fn escaped(text: &str, most: usize) -> String {
    let (mut shown, mut left) = (String::new(), most.saturating_sub(1));
    for character in excerpt(text, most).chars() {
        let piece = match character {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            other => other.to_string(),
        };
        let Some(rest) = left.checked_sub(width(&piece)) else {
            shown.push('…');
            break;
        };
        left = rest;
        shown.push_str(&piece);
    }
    shown
}

fn width(text: &str) -> usize {
    text.encode_utf16().count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        golden,
        notify::{
            Kind,
            event::{Event, Run},
            samples,
        },
    };

    /// Compares with a file of the room's `testdata`, where it stands for people to read.
    #[track_caller]
    fn check_golden(name: &str, text: &str, golden: &str) {
        let read: Value = serde_json::from_str(text).expect("JSON");
        golden::check(&format!("notify/testdata/{name}"), &format!("{read:#}\n"), golden);
    }

    fn hostile(text: &str) -> Told {
        let run = Run { id: text.to_owned(), pipeline: text.to_owned() };
        let detail = samples::object(&json!({ text: text, "b": { text: [text] } }));
        let (agent_id, phase) = (Some(text.to_owned()), Some(text.to_owned()));
        Told::new("e-0".to_owned(), &run, Event { agent_id, phase, detail, ..samples::event() })
    }

    /// Every text in `value`.
    fn texts(value: &Value) -> Vec<&str> {
        match value {
            Value::String(text) => vec![text],
            Value::Array(items) => items.iter().flat_map(texts).collect(),
            Value::Object(members) => members.values().flat_map(texts).collect(),
            _ => Vec::new(),
        }
    }

    #[test]
    fn the_forms_are_as_they_were() {
        let told = samples::told();
        assert_eq!(body(Form::Portcullis, &told) + "\n", told.line);
        check_golden("slack.json", &body(Form::Slack, &told), include_str!("testdata/slack.json"));
        check_golden("github.json", &body(Form::Github, &told), include_str!("testdata/github.json"));
        let text = "<!channel> *b* _i_ `c` ~s~ <https://evil.example|ok> & @here :tada:\nPASS \u{1b}[2J\u{202e}";
        check_golden(
            "slack-hostile.json",
            &body(Form::Slack, &hostile(text)),
            include_str!("testdata/slack-hostile.json"),
        );
    }

    #[test]
    fn github_gets_no_more_than_it_takes() {
        let told = samples::told_of(Kind::PlanCreated, "e-0", 63_000);
        assert!(told.line.len() > MOST_GITHUB && !told.cut);
        let body = body(Form::Github, &told);
        assert!(body.len() <= MOST_GITHUB);
        let read: Value = serde_json::from_str(&body).expect("JSON");
        assert_eq!((&read["event_type"], &read["client_payload"]["cut"]), (&json!("plan_created"), &json!(true)));
    }

    proptest! {
        #[test]
        fn slack_is_given_no_markup_and_no_more_than_it_takes(
            text in "[<>&*_~`|@!:\\n\\r\\x1b\u{202e}\u{e0001}\u{1f600}a]{0,120}",
            repeat in 1_usize..60,
        ) {
            let json = body(Form::Slack, &hostile(&text.repeat(repeat)));
            let read: Value = serde_json::from_str(&json).expect("JSON");
            prop_assert_eq!(&read["mrkdwn"], false);
            let text = read["text"].as_str().expect("a text");
            prop_assert!(text.chars().all(|character| character.is_ascii_alphanumeric() || "-_, ".contains(character)));
            prop_assert_eq!(text.matches('_').count(), 1);
            prop_assert!(!json.contains("\"type\":\"mrkdwn\"") && !json.contains("\"emoji\":true"));
            for text in texts(&read) {
                prop_assert!(!text.contains(['<', '>', '\r', '\u{1b}', '\u{202e}']), "{}", text);
                prop_assert!(!text.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "").contains('&'));
                prop_assert!(width(text) <= 3000 && !text.is_empty());
            }
            prop_assert!(width(read["blocks"][0]["text"]["text"].as_str().expect("a text")) <= 150);
            for field in read["blocks"][1]["fields"].as_array().expect("fields") {
                prop_assert!(width(field["text"].as_str().expect("a text")) <= 2000);
            }
        }
    }
}
