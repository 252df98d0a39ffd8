//! Over the text of a document, without making values: strings, numbers, what stands between them.

mod pass;

use alloc::string::String;

use super::{
    DEPTH_LIMIT, Error,
    block::{copy_text, one_letter, plain_end, space_end},
};
use crate::text::{push, push_char};

/// A place in a document.
pub(super) struct Scan<'de> {
    text: &'de str,
    at: usize,
    depth: usize,
    /// What is wrong with an escape.
    problem: &'static str,
}

/// A string as it stands in the document.
pub(crate) enum Text<'de> {
    /// Without escapes.
    Plain(&'de str),
    /// With its escapes resolved.
    Owned(String),
}

impl Text<'_> {
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Owned(text) => text,
        }
    }
}

impl<'de> Scan<'de> {
    pub(super) fn new(text: &'de str) -> Self {
        Self { text, at: 0, depth: 0, problem: "" }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn error(&self, message: &str) -> Error {
        if self.at >= self.text.len() {
            return Error::syntax("the document ends early", self.at);
        }
        Error::syntax(message, self.at)
    }

    /// Bytes up to here.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// The byte at this place. Zero at the end: it stands nowhere in a document, so only an error tells the two apart.
    fn byte(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    /// The next byte that is no white space, which stays; zero at the end.
    #[inline(always)]
    pub(super) fn peek(&mut self) -> u8 {
        let byte = self.byte();
        if byte > b' ' { byte } else { self.pass_space() }
    }

    #[inline(never)]
    fn pass_space(&mut self) -> u8 {
        self.at = space_end(self.text.as_bytes(), self.at);
        self.byte()
    }

    /// Passes `wanted`, after white space, if it is there.
    pub(super) fn takes(&mut self, wanted: u8) -> bool {
        let found = self.peek() == wanted;
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, wanted: u8, message: &str) -> Result<(), Error> {
        if self.takes(wanted) { Ok(()) } else { Err(self.error(message)) }
    }

    /// Passes `true`, `false` or `null`, at the letter that it begins with.
    #[inline(never)]
    pub(super) fn word(&mut self) -> Result<(), Error> {
        // Four letters compare as one number.
        let (rest, more) = match self.byte() {
            b't' => (b"true", 0),
            b'n' => (b"null", 0),
            _ => (b"alse", 1),
        };
        let found = self.text.as_bytes().get(self.at + more..).and_then(<[u8]>::first_chunk);
        if found != Some(rest) {
            return Err(self.error("no JSON value"));
        }
        self.at += more + rest.len();
        Ok(())
    }

    pub(super) fn end(&mut self) -> Result<(), Error> {
        if self.peek() == 0 && self.at == self.text.len() {
            return Ok(());
        }
        Err(self.error("something follows the document"))
    }

    /// Goes into a list or an object, past its bracket.
    pub(super) fn enter(&mut self) -> Result<(), Error> {
        if self.depth == DEPTH_LIMIT {
            return Err(self.error("nested too deep"));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    /// What stands between `start`, where this place once was, and here.
    pub(super) fn since(&self, start: usize) -> &'de str {
        debug_assert!(self.text.get(start..self.at).is_some());
        // SAFETY: a place only ever passes bytes that are there: ASCII ones, and whatever stands before an ASCII one or the
        // end. So each place that it was at is between two characters, and none is past the end.
        unsafe { self.text.get_unchecked(start..self.at) }
    }

    /// A string, at its opening quote.
    #[inline(never)]
    pub(super) fn string(&mut self) -> Result<Text<'de>, Error> {
        self.at += 1;
        let start = self.at;
        self.at = plain_end(self.text.as_bytes(), start);
        let plain = self.since(start);
        if self.byte() == b'"' {
            self.at += 1;
            return Ok(Text::Plain(plain));
        }
        self.escaped(plain).map(Text::Owned)
    }

    /// The string that begins with `plain`, behind it.
    #[inline(never)]
    fn escaped(&mut self, plain: &str) -> Result<String, Error> {
        let mut text = String::new();
        push(&mut text, plain);
        loop {
            // SAFETY: what goes there are ASCII characters, and pieces of a text that begin behind an ASCII byte and end before
            // one or at the end.
            self.at = copy_text(self.text.as_bytes(), self.at, unsafe { text.as_mut_vec() });
            if self.passes(b'"') {
                return Ok(text);
            }
            match self.escape() {
                Some(character) => push_char(&mut text, character),
                None => return Err(self.error(self.problem)),
            }
        }
    }

    /// One escape, at its backslash.
    fn escape(&mut self) -> Option<char> {
        if self.byte() != b'\\' {
            self.problem = "a control character in a string";
            return None;
        }
        self.at += 1;
        if self.byte() == b'u' {
            return self.unicode_escape();
        }
        self.problem = "no such escape";
        let character = one_letter(self.byte())?;
        self.at += 1;
        Some(char::from(character))
    }

    /// `uXXXX`, or two of them that are one character, at the `u`.
    #[inline(never)]
    fn unicode_escape(&mut self) -> Option<char> {
        let mut code = self.hex4()?;
        self.problem = "half a character";
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        if matches!(code, 0xd800..=0xdbff) && rest.starts_with(b"\\u") {
            self.at += 1;
            let low = self.hex4()?.wrapping_sub(0xdc00);
            self.problem = "half a character";
            if low >= 0x400 {
                return None;
            }
            code = 0x1_0000 + ((code - 0xd800) << 10) + low;
        }
        char::from_u32(code)
    }

    #[inline(never)]
    fn hex4(&mut self) -> Option<u32> {
        self.problem = "no hexadecimal digit";
        let mut code = 0;
        for _ in 0..4 {
            self.at += 1;
            code = code * 16 + char::from(self.byte()).to_digit(16)?;
        }
        self.at += 1;
        Some(code)
    }

    /// A number, at its first character, and whether it is written as an integer.
    #[inline(never)]
    pub(super) fn number(&mut self) -> Result<(&'de str, bool), Error> {
        let start = self.at;
        self.passes(b'-');
        // What begins with a zero has no more digits.
        if !self.passes(b'0') {
            self.digits()?;
        }
        let mut integer = true;
        if self.passes(b'.') {
            integer = false;
            self.digits()?;
        }
        if self.passes(b'e') || self.passes(b'E') {
            integer = false;
            if !self.passes(b'+') {
                self.passes(b'-');
            }
            self.digits()?;
        }
        Ok((self.since(start), integer))
    }

    /// Passes `wanted` if it is there.
    #[inline(never)]
    fn passes(&mut self, wanted: u8) -> bool {
        let found = self.byte() == wanted;
        self.at += usize::from(found);
        found
    }

    #[inline(never)]
    fn digits(&mut self) -> Result<(), Error> {
        let start = self.at;
        while self.byte().is_ascii_digit() {
            self.at += 1;
        }
        if self.at == start { Err(self.error("no digit")) } else { Ok(()) }
    }

    /// Whether another element follows in a list or an object that ends with `close`; passes the comma or the end.
    pub(super) fn another(&mut self, close: u8, first: &mut bool) -> Result<bool, Error> {
        if self.takes(close) {
            self.depth -= 1;
            return Ok(false);
        }
        if !core::mem::take(first) {
            self.expect(b',', "no comma")?;
            if self.peek() == close {
                return Err(self.error("nothing after a comma"));
            }
        }
        Ok(true)
    }
}
