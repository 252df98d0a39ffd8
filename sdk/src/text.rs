//! Short texts put together without formatting, which would be most of a small gate. What puts a piece behind a text is one
//! function for all of them, because each copy of it that a compiler makes is as long as what calls it.

use alloc::string::String;
use core::fmt::{self, Display, Write};

use crate::utf8;

/// Puts a piece behind a text.
#[inline(never)]
pub(crate) fn push(text: &mut String, piece: &str) {
    text.push_str(piece);
}

/// Puts a character behind a text.
#[inline(never)]
pub(crate) fn push_char(text: &mut String, c: char) {
    push(text, c.encode_utf8(&mut [0; 4]));
}

/// What the pieces say together.
#[inline(never)]
pub(crate) fn joined(pieces: &[&str]) -> String {
    let mut text = String::new();
    for piece in pieces {
        push(&mut text, piece);
    }
    text
}

/// What something says when it is displayed. For what is not known to be a text: `to_string` knows texts, and takes them as
/// they are.
#[inline(never)]
#[must_use]
pub fn said(what: &dyn Display) -> String {
    struct Said(String);

    impl Write for Said {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            push(&mut self.0, text);
            Ok(())
        }

        fn write_char(&mut self, c: char) -> fmt::Result {
            push_char(&mut self.0, c);
            Ok(())
        }
    }

    let mut said = Said(String::new());
    // It fails only if what is displayed does, and then there is less to say.
    let _ = write!(said, "{what}");
    said.0
}

/// The decimal digits of a number.
pub(crate) struct Digits {
    digits: [u8; 20],
    start: usize,
}

impl Digits {
    #[inline(never)]
    pub(crate) fn of(mut number: u64) -> Self {
        let mut it = Self { digits: [b'0'; 20], start: 20 };
        for digit in it.digits.iter_mut().rev() {
            it.start -= 1;
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        it
    }

    #[inline(never)]
    pub(crate) fn as_str(&self) -> &str {
        self.digits.get(self.start..).and_then(utf8::text).unwrap_or_default()
    }
}

/// Lets go of a value. Nothing is freed in a gate that is about to end, nor does it carry the code to do it.
pub(crate) fn let_go<T>(value: T) {
    if cfg!(target_family = "wasm") {
        core::mem::forget(value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_their_digits() {
        for number in [0, 1, 9, 10, 99, 100, 4_294_967_296, u64::MAX] {
            assert_eq!(Digits::of(number).as_str(), number.to_string());
        }
    }

    #[test]
    fn pieces_stand_in_their_order() {
        assert_eq!(joined(&["a", "", "é", "c"]), "aéc");
        assert_eq!(joined(&[]), "");
    }

    #[test]
    fn what_is_displayed_is_said_whole() {
        assert_eq!(said(&format_args!("{:>3}|{}|{:?}", 'é', 1.5, "a\n")), "  é|1.5|\"a\\n\"");
    }
}
