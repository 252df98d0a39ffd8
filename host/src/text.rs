//! Text that came from outside, made fit for a terminal.

/// `text` with every control, bidirectional-override and invisible format character spelled out as `\u{…}`, so that a
/// terminal obeys nothing in it and a reader sees what is there.
#[must_use]
pub fn printable(text: &str) -> String {
    excerpt(text, usize::MAX)
}

/// The start of `text`, made fit for a terminal: at most `most` characters as shown, and `…` where more was left out.
#[must_use]
pub fn excerpt(text: &str, most: usize) -> String {
    let mut shown = String::new();
    let mut room = most;
    for character in text.chars() {
        let width = if is_unsafe(character) { character.escape_unicode().len() } else { 1 };
        if width > room {
            shown.push('…');
            break;
        }
        room -= width;
        if is_unsafe(character) {
            shown.extend(character.escape_unicode());
        } else {
            shown.push(character);
        }
    }
    shown
}

/// Whether a terminal would obey `character`, or a reader not see it.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// JSON in which every invisible character is an escape: people read it at terminals, and JSON itself leaves most of what
/// a terminal obeys as it is. Nor is anything in it a command to a runner of workflows, which looks for `##[` everywhere.
pub(crate) fn inert(text: String) -> String {
    // No `#` stands outside of strings, and in one the escape means the same.
    let text = if text.contains("##[") { text.replace("##[", "##\\u005b") } else { text };
    // Most text is of plain letters, and they are seen all at once much faster than characters one by one.
    let is_plain = text.bytes().fold(true, |plain, byte| plain & matches!(byte, b' '..=b'~' | b'\n' | b'\t'));
    let is_invisible = |character: char| is_unsafe(character) && !matches!(character, '\n' | '\t');
    if is_plain || !text.contains(is_invisible) {
        return text;
    }
    // Outside of strings JSON has none of them but one, so what is replaced by an escape stands in a string, where the escape
    // means the same. A carriage return only ever stands outside, where it would let a gate write over the host's words.
    let mut inert = String::with_capacity(text.len() + 64);
    for character in text.chars() {
        if character == '\r' {
            inert.push(' ');
        } else if is_invisible(character) {
            inert.extend(character.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        } else {
            inert.push(character);
        }
    }
    inert
}

/// `50,000,000`: a number whose size is seen at a glance.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `1 check holds`, `3 checks hold`.
#[must_use]
pub fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_is_left() {
        assert_eq!(printable("a\u{1b}[31mb\u{7}\n\u{9b}2J"), "a\\u{1b}[31mb\\u{7}\\u{a}\\u{9b}2J");
        assert_eq!(printable("safe\u{202e}gnp.exe"), "safe\\u{202e}gnp.exe");
        assert_eq!(printable("größe ✅"), "größe ✅");
    }

    #[test]
    fn an_excerpt_is_never_longer_than_asked_but_for_its_ellipsis() {
        for (text, most, expect) in [
            ("abc", 3, "abc"),
            ("abcd", 3, "abc…"),
            ("a\u{7}bc", 5, "a…"),
            ("a\u{7}bc", 7, "a\\u{7}b…"),
            ("", 0, ""),
            ("ä", 0, "…"),
        ] {
            assert_eq!(excerpt(text, most), expect, "{text:?} {most}");
        }
    }
}
