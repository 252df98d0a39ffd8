//! Workflow commands: `::error title=…,file=…,line=…::message`, as the runner reads them (`ActionCommand` of
//! actions/runner).

use std::fmt::Write as _;

/// How loud an annotation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    Error,
    Warning,
    Notice,
}

impl Level {
    /// From the loudest on.
    pub(super) const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Notice];

    /// The command's name.
    fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// One annotation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Annotation {
    pub(super) title: String,
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
    pub(super) message: String,
}

impl Annotation {
    /// The command that makes it; ends with a line feed.
    pub(super) fn command(&self, level: Level) -> String {
        let mut text = format!("::{} title={}", level.name(), property(&self.title));
        if let Some(file) = &self.file {
            let _ = write!(text, ",file={}", property(file));
            if let Some(line) = self.line {
                let _ = write!(text, ",line={line}");
            }
        }
        let _ = writeln!(text, "::{}", data(&self.message));
        text
    }
}

/// Text behind the second `::`.
fn data(text: &str) -> String {
    // `%` first, so that what the others become is not escaped again.
    defused(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// The value of a property, where `:` would end the properties and `,` the value.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

/// `text` without what a runner would obey in the middle of a line: commands of the older form, which it also looks for
/// where it does not know the newer one.
#[must_use]
pub fn defused(text: &str) -> String {
    text.replace("##[", "## [")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The command, its title and its message, as a runner makes them of a line.
    fn obeyed(line: &str) -> Option<(&str, String, String)> {
        let (info, data) = line.trim_start().strip_prefix("::")?.split_once("::")?;
        let (name, properties) = info.split_once(' ').unwrap_or((info, ""));
        let title =
            properties.trim().split(',').filter_map(|pair| pair.split_once('=')).find(|(name, _)| *name == "title");
        let unescaped = |text: &str, map: &[(&str, &str)]| {
            map.iter().fold(text.to_owned(), |text, (escape, character)| text.replace(escape, character))
        };
        let of_data = [("%0D", "\r"), ("%0A", "\n"), ("%25", "%")];
        let of_properties = [("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")];
        Some((name, unescaped(title?.1, &of_properties), unescaped(data, &of_data)))
    }

    #[test]
    fn a_command_is_escaped_as_the_runner_reads_it() {
        let annotation = Annotation {
            title: "100%: a,b".into(),
            file: Some("flows/a,b.aether".into()),
            line: Some(3),
            message: "50% of a::b\r\nnext, %0A".into(),
        };
        assert_eq!(
            annotation.command(Level::Error),
            "::error title=100%25%3A a%2Cb,file=flows/a%2Cb.aether,line=3::50%25 of a::b%0D%0Anext, %250A\n"
        );
    }

    #[test]
    fn a_line_without_a_file_is_no_place() {
        let annotation = Annotation { title: "t".into(), file: None, line: Some(3), message: "##[add-mask]e".into() };
        assert_eq!(annotation.command(Level::Notice), "::notice title=t::## [add-mask]e\n");
    }

    proptest! {
        #[test]
        fn whatever_the_words_are_they_make_one_command_and_come_back(
            title in "[a-z][:,%=\r\n#\\[\\]a-z0-9 ]{0,20}[a-z]", message in "\\PC{0,40}|[:%\r\n#\\[ADdo0-9a]{0,30}",
        ) {
            let annotation = Annotation { title: title.clone(), file: None, line: None, message: message.clone() };
            let text = annotation.command(Level::Warning);
            prop_assert!(text.ends_with('\n') && text.matches(['\n', '\r']).count() == 1 && !text.contains("##["));
            let (name, found, data) = obeyed(text.trim_end_matches('\n')).expect("a command");
            prop_assert_eq!(name, "warning");
            prop_assert_eq!(found, defused(&title));
            prop_assert_eq!(data, defused(&message));
        }
    }
}
