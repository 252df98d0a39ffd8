//! Text with `${env:NAME}` in it: what it stands for is known only where the environment is read.

/// Text with variables of the environment in it. Its value may be a secret; as written it never is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// As the manifest has it: what records, messages and progress show.
    pub written: String,
    /// Its parts, in order.
    pub parts: Vec<Part>,
}

/// A part of a [`Template`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Text that stands for itself.
    Text(String),
    /// The value of a variable of the environment, by its name.
    Env(String),
}

/// A `${` that opens no `${env:NAME}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`${{` opens no `${{env:NAME}}` here")]
pub struct BadTemplate {
    /// The byte of the text at which it stands.
    pub offset: usize,
}

impl Template {
    /// Reads `${env:NAME}` as the variable NAME (letters of ASCII, digits and `_`, with no digit in front) and `$${` as `${`.
    /// Every other `$` is text, like all the rest.
    ///
    /// # Errors
    /// When a `${` is neither.
    pub fn parse(text: &str) -> Result<Self, BadTemplate> {
        let mut template = Self { written: text.to_owned(), parts: Vec::new() };
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            let (before, sign) = rest.split_at(at);
            template.push_text(before);
            rest = if let Some(behind) = sign.strip_prefix("$${") {
                template.push_text("${");
                behind
            } else if sign.starts_with("${") {
                let (name, behind) = variable(sign).ok_or(BadTemplate { offset: text.len() - sign.len() })?;
                template.parts.push(Part::Env(name.to_owned()));
                behind
            } else {
                template.push_text("$");
                sign.strip_prefix('$').unwrap_or_default()
            };
        }
        template.push_text(rest);
        Ok(template)
    }

    /// Text in which nothing stands for anything else.
    #[must_use]
    pub fn text(text: String) -> Self {
        let mut template = Self { written: text.clone(), parts: Vec::new() };
        template.push_text(&text);
        template
    }

    /// The variables that stand in it.
    pub fn variables(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            Part::Env(name) => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    fn push_text(&mut self, text: &str) {
        match self.parts.last_mut() {
            _ if text.is_empty() => {}
            Some(Part::Text(last)) => last.push_str(text),
            _ => self.parts.push(Part::Text(text.to_owned())),
        }
    }
}

/// The name in `${env:NAME}`, where `text` starts with that, and what stands behind it.
fn variable(text: &str) -> Option<(&str, &str)> {
    let (name, behind) = text.strip_prefix("${env:")?.split_once('}')?;
    is_variable(name).then_some((name, behind))
}

/// Whether a variable of the environment can have that name here: `[A-Za-z_][A-Za-z0-9_]*`.
pub(super) fn is_variable(name: &str) -> bool {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    name.bytes().all(part) && name.starts_with(|first: char| !first.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(text: &str) -> Part {
        Part::Text(text.to_owned())
    }

    fn env(name: &str) -> Part {
        Part::Env(name.to_owned())
    }

    #[test]
    fn variables_are_told_from_text() {
        for (written, expect) in [
            ("", vec![]),
            ("plain", vec![text("plain")]),
            ("${env:A}", vec![env("A")]),
            ("Bearer ${env:_t0}!", vec![text("Bearer "), env("_t0"), text("!")]),
            ("${env:A}${env:B}", vec![env("A"), env("B")]),
            ("5$ $$ $x $", vec![text("5$ $$ $x $")]),
            ("a $${env:A} $${", vec![text("a ${env:A} ${")]),
            ("$$${env:A}", vec![text("$${env:A}")]),
            ("}{env:A}", vec![text("}{env:A}")]),
        ] {
            let template = Template::parse(written).expect(written);
            assert_eq!((template.written.as_str(), template.parts), (written, expect));
        }
    }

    #[test]
    fn what_opens_no_variable_is_told_with_its_place() {
        for (written, offset) in [
            ("${", 0),
            ("é ${env:", 3),
            ("${env:A", 0),
            ("${env:A}${env:}", 8),
            ("${env:1}", 0),
            ("${env:A-B}", 0),
            ("${env:Ä}", 0),
            ("${env: A}", 0),
            ("${ENV:A}", 0),
            ("${A}", 0),
            ("${env:${env:A}}", 0),
        ] {
            assert_eq!(Template::parse(written), Err(BadTemplate { offset }), "{written}");
        }
    }

    proptest! {
        #[test]
        fn any_text_can_be_said(any in "[${}env:A é]{0,30}") {
            let escaped = Template::parse(&any.replace("${", "$${"));
            prop_assert_eq!(escaped.map(|template| template.parts), Ok(Template::text(any).parts));
        }

        #[test]
        fn parts_are_read_as_they_were_written(
            parts in proptest::collection::vec(("[a-z{}: ]{1,8}", "[A-Za-z_][A-Za-z0-9_]{0,8}"), 0..6)
        ) {
            let written: String = parts.iter().map(|(text, name)| format!("{text}${{env:{name}}}")).collect();
            let template = Template::parse(&written).expect("well-formed");
            let names: Vec<_> = template.variables().collect();
            prop_assert_eq!(names, parts.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>());
            let expect: Vec<_> = parts.iter().flat_map(|(before, name)| [text(before), env(name)]).collect();
            prop_assert_eq!(template.parts, expect);
        }

        #[test]
        fn a_text_is_a_template_or_has_a_bad_place_in_it(any in any::<String>()) {
            if let Err(BadTemplate { offset }) = Template::parse(&any) {
                let opens = any.get(offset..).is_some_and(|rest| rest.starts_with("${"));
                prop_assert!(opens, "{}", offset);
            }
        }
    }
}
