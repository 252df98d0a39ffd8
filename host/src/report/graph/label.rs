//! Hostile text as a label: short, visible, and spelled so that the form around it sees nothing but a label.

use crate::text::excerpt;

/// How much of a text a label shows, in characters.
const LONGEST: usize = 120;

/// A text as people see it in a label of any form.
pub(super) fn short(text: &str) -> String {
    excerpt(text, LONGEST)
}

/// The inside of a label in double quotes, for Mermaid: everything that could end it, or that Mermaid, Markdown or HTML could
/// take for more than a sign, is written as the number of its character.
pub(super) fn mermaid(text: &str) -> String {
    let mut label = String::new();
    for character in short(text).chars() {
        if character.is_alphanumeric() || " .,:/_-–…✓✗○●".contains(character) {
            label.push(character);
        } else {
            label.push_str(&format!("#{};", u32::from(character)));
        }
    }
    // A label that is empty is none.
    if label.is_empty() { "#32;".to_owned() } else { label }
}

/// The inside of a label in double quotes, for Graphviz: quotes would end it, backslashes escape, and `&` starts an entity.
pub(super) fn dot(text: &str) -> String {
    let mut label = String::new();
    for character in short(text).chars() {
        match character {
            '"' => label.push_str("\\\""),
            '\\' => label.push_str("\\\\"),
            '&' => label.push_str("&amp;"),
            character => label.push(character),
        }
    }
    label
}
