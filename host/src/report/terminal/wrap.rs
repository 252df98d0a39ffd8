//! Lines that fit.

/// `text` in lines of at most `width` characters, broken at spaces; a longer word has a line of its own.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut taken = 0;
    for word in text.split(' ') {
        let length = word.chars().count();
        match lines.last_mut() {
            Some(line) if taken + 1 + length <= width => {
                line.push(' ');
                line.push_str(word);
                taken += 1 + length;
            }
            _ => {
                lines.push(word.to_owned());
                taken = length;
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_broken_at_spaces_and_nothing_is_lost() {
        for (text, width, expect) in [
            ("", 4, vec![""]),
            ("ab cd", 5, vec!["ab cd"]),
            ("ab cd", 4, vec!["ab", "cd"]),
            ("äö cd ef", 5, vec!["äö cd", "ef"]),
            ("portcullis a", 4, vec!["portcullis", "a"]),
        ] {
            assert_eq!(wrapped(text, width), expect, "{text:?} {width}");
            assert_eq!(wrapped(text, width).join(" "), text);
        }
    }
}
