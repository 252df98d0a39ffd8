//! Values that come out of the environment: put into what is sent, and taken out of what is seen.
//!
//! Whatever `${env:NAME}` stood for is hidden in every text that a source brings back, as it is and as JSON and URLs write
//! it, unless the manifest says `reveal`. A server that turns it into something else altogether is not caught by this.

use std::{borrow::Cow, fmt::Write as _};

use super::world::{Failed, World};
use crate::{
    manifest::{Part, Template},
    text::excerpt,
};

/// The variables that a source's templates name, with their values.
#[derive(Debug, Default)]
pub(crate) struct Secrets {
    values: Vec<Variable>,
    /// Every spelling of every secret with what stands for it, longest first: one may be a part of another.
    hidden: Vec<(String, String)>,
}

#[derive(Debug)]
struct Variable {
    name: String,
    value: String,
}

impl Secrets {
    /// Reads the variables that `templates` name, each once.
    ///
    /// # Errors
    /// When one of them is not set: what would be sent instead is not what was meant.
    pub(crate) fn read<'t>(
        templates: impl IntoIterator<Item = &'t Template>,
        reveal: &[String],
        world: World<'_>,
    ) -> Result<Self, Failed> {
        let mut secrets = Self::default();
        let parts = templates.into_iter().flat_map(|template| &template.parts);
        for name in parts.filter_map(|part| if let Part::Env(name) = part { Some(name) } else { None }) {
            if secrets.value(name).is_some() {
                continue;
            }
            let Some(value) = (world.variable)(name) else {
                let message = format!("the variable `{}` is not set", excerpt(name, 100));
                return Err(Failed { code: "evidence-env-missing", message });
            };
            if !reveal.contains(name) {
                secrets.hide_value(name, &value);
            }
            secrets.values.push(Variable { name: name.clone(), value });
        }
        secrets.hidden.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        Ok(secrets)
    }

    fn hide_value(&mut self, name: &str, value: &str) {
        let mark = format!("[env {}]", excerpt(name, 100));
        for spelling in spellings(value) {
            if !spelling.is_empty() && !self.hidden.iter().any(|(known, _)| *known == spelling) {
                self.hidden.push((spelling, mark.clone()));
            }
        }
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().find(|variable| variable.name == name).map(|variable| variable.value.as_str())
    }

    /// What `template` stands for. It may hold a secret: for the wire and a child's environment, never for a message.
    pub(crate) fn expand(&self, template: &Template) -> String {
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Env(name) => self.value(name).unwrap_or_default().to_owned(),
        };
        template.parts.iter().map(part).collect()
    }

    /// `text` with a mark in the place of each secret.
    pub(super) fn hide<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut text = Cow::Borrowed(text);
        for (value, mark) in &self.hidden {
            if text.contains(value) {
                text = Cow::Owned(text.replace(value, mark));
            }
        }
        text
    }

    /// The same for a text that was cut off behind its end: the beginning of a secret there is a part of it.
    pub(super) fn hide_cut<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let shown = self.hide(text);
        let begun = |value: &str| {
            let starts = value.char_indices().map(|(at, _)| at).skip(1);
            starts.filter(|at| value.get(..*at).is_some_and(|start| shown.ends_with(start))).max()
        };
        let begun =
            self.hidden.iter().filter_map(|(value, mark)| Some((begun(value)?, mark))).max_by_key(|(at, _)| *at);
        match begun {
            None => shown,
            Some((length, mark)) => {
                let kept = shown.len().saturating_sub(length);
                Cow::Owned(format!("{}{mark}", shown.get(..kept).unwrap_or_default()))
            }
        }
    }
}

/// How a value stands in plain text, in a JSON string and in a URL.
fn spellings(value: &str) -> [String; 3] {
    let json = serde_json::to_string(value).unwrap_or_default();
    let json = json.strip_prefix('"').and_then(|json| json.strip_suffix('"')).unwrap_or_default().to_owned();
    let url = value.bytes().fold(String::new(), |mut url, byte| {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            url.push(char::from(byte));
        } else {
            let _ = write!(url, "%{byte:02X}");
        }
        url
    });
    [value.to_owned(), json, url]
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    static GOES_ON: AtomicBool = AtomicBool::new(false);

    fn template(parts: &[Part]) -> Template {
        Template { written: String::new(), parts: parts.to_vec() }
    }

    fn secrets(names: &[&str], reveal: &[&str]) -> Result<Secrets, Failed> {
        let variable = |name: &str| match name {
            "TOKEN" => Some("s3cr\"t/x".to_owned()),
            "LONG" => Some("s3cr\"t/x-and-more".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        };
        let world = World { variable: &variable, clock: &|| jiff::Timestamp::UNIX_EPOCH, cancelled: &GOES_ON };
        let parts: Vec<_> = names.iter().map(|name| Part::Env((*name).to_owned())).collect();
        let reveal: Vec<_> = reveal.iter().map(|name| (*name).to_owned()).collect();
        Secrets::read([&template(&parts)], &reveal, world)
    }

    #[test]
    fn a_secret_is_sent_and_never_seen_again_however_it_is_spelled() {
        let secrets = secrets(&["TOKEN", "LONG", "EMPTY"], &[]).expect("all are set");
        let sent = template(&[Part::Text("Bearer ".to_owned()), Part::Env("TOKEN".to_owned())]);
        assert_eq!(secrets.expand(&sent), "Bearer s3cr\"t/x");
        for (text, expect) in [
            ("a s3cr\"t/x b", "a [env TOKEN] b"),
            ("{\"a\":\"s3cr\\\"t/x\"}", "{\"a\":\"[env TOKEN]\"}"),
            ("?t=s3cr%22t%2Fx&", "?t=[env TOKEN]&"),
            ("s3cr\"t/x-and-more", "[env LONG]"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(secrets.hide(text), expect);
        }
    }

    #[test]
    fn the_beginning_of_a_secret_at_a_cut_is_hidden_too() {
        let secrets = secrets(&["TOKEN"], &[]).expect("it is set");
        assert_eq!(secrets.hide_cut("a s3cr"), "a [env TOKEN]");
        assert_eq!(secrets.hide_cut("a s3cr\"t/x s"), "a [env TOKEN] [env TOKEN]");
        assert_eq!(secrets.hide_cut("a b"), "a b");
    }

    #[test]
    fn what_the_manifest_reveals_is_seen_and_what_is_not_set_is_an_error() {
        assert_eq!(secrets(&["TOKEN"], &["TOKEN"]).expect("it is set").hide("s3cr\"t/x"), "s3cr\"t/x");
        assert_eq!(secrets(&["GONE"], &[]).expect_err("not set").code, "evidence-env-missing");
    }
}
