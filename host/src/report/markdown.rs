//! Hostile text in Markdown: it says what it says, and is no markup.

use crate::text::excerpt;

/// At most `most` characters of `text`, for a table cell or the inside of a line: no markup, no HTML, no end of the cell,
/// no mention. Not for the start of a line, where even a plain word and a dot may be markup.
pub(super) fn escaped(text: &str, most: usize) -> String {
    let text = excerpt(text, most);
    let mut shown = String::with_capacity(text.len());
    let mut before = ' ';
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let after = characters.peek().copied().unwrap_or(' ');
        match character {
            '&' => shown.push_str("&amp;"),
            '<' => shown.push_str("&lt;"),
            '>' => shown.push_str("&gt;"),
            // Where somebody pastes it, a mention calls people.
            '@' if !before.is_alphanumeric() && after.is_alphanumeric() => shown.push_str("@<!-- -->"),
            // Inside a word it is no markup, and most names of failures have one.
            '_' if before.is_alphanumeric() && after.is_alphanumeric() => shown.push('_'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => shown.extend(['\\', character]),
            _ => shown.push(character),
        }
        before = character;
    }
    shown
}

/// At most `most` characters of `text`, for the inside of an HTML element on a line of HTML, where Markdown is not read.
pub(super) fn escaped_html(text: &str, most: usize) -> String {
    excerpt(text, most).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_words_stay_words() {
        for (text, expect) in [
            ("a|b", "a\\|b"),
            ("a\nb", "a\\\\u{a}b"),
            ("<img src=x>", "&lt;img src=x&gt;"),
            ("`x` **y** [z](w)", "\\`x\\` \\*\\*y\\*\\* \\[z\\](w)"),
            ("run_id_missing _x_", "run_id_missing \\_x\\_"),
            ("\\|", "\\\\\\|"),
            ("a & b", "a &amp; b"),
            ("by @all, a@b.example", "by @<!-- -->all, a@b.example"),
        ] {
            assert_eq!(escaped(text, 160), expect, "{text:?}");
        }
        assert_eq!(escaped_html("</summary>\n&lt;`a`", 160), "&lt;/summary&gt;\\u{a}&amp;lt;`a`");
    }
}
