//! Over the text of a document, without making values: strings, numbers, whole values to be kept or passed over.

use alloc::string::String;

use super::{DEPTH_LIMIT, Error};

/// A place in a document.
pub(super) struct Scan<'de> {
    text: &'de str,
    at: usize,
    depth: usize,
}

/// A string as it stands in the document.
pub(super) enum Text<'de> {
    /// Without escapes.
    Plain(&'de str),
    /// With its escapes resolved.
    Owned(String),
}

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        match self {
            Self::Plain(text) => text,
            Self::Owned(text) => text,
        }
    }
}

impl<'de> Scan<'de> {
    pub(super) fn new(text: &'de str) -> Self {
        Self { text, at: 0, depth: 0 }
    }

    #[cold]
    pub(super) fn error(&self, message: &str) -> Error {
        if self.at >= self.text.len() {
            return Error::syntax("the document ends early", self.at);
        }
        Error::syntax(message, self.at)
    }

    fn byte(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// The next byte that is no white space, which stays; zero at the end.
    pub(super) fn peek(&mut self) -> u8 {
        while let Some(byte) = self.byte() {
            if !matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                return byte;
            }
            self.at += 1;
        }
        0
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

    pub(super) fn word(&mut self, word: &str) -> Result<(), Error> {
        match self.text.get(self.at..).and_then(|rest| rest.strip_prefix(word)) {
            Some(_) => {
                self.at += word.len();
                Ok(())
            }
            None => Err(self.error("no JSON value")),
        }
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

    fn since(&self, start: usize) -> &'de str {
        // Both ends are next to ASCII bytes, so the slice exists.
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// A string, at its opening quote.
    pub(super) fn string(&mut self) -> Result<Text<'de>, Error> {
        self.at += 1;
        let mut start = self.at;
        let mut owned = String::new();
        loop {
            self.skip_plain();
            match self.byte() {
                Some(b'"') => {
                    let tail = self.since(start);
                    self.at += 1;
                    if owned.is_empty() {
                        return Ok(Text::Plain(tail));
                    }
                    owned.push_str(tail);
                    return Ok(Text::Owned(owned));
                }
                Some(b'\\') => {
                    owned.push_str(self.since(start));
                    owned.push(self.escape()?);
                    start = self.at;
                }
                _ => return Err(self.error("a control character in a string")),
            }
        }
    }

    /// Passes what stands for itself in a string, eight bytes at a time: documents' texts come as one long string.
    fn skip_plain(&mut self) {
        const ONES: u64 = 0x0101_0101_0101_0101;
        let zero_in = |word: u64| word.wrapping_sub(ONES) & !word;
        while let Some(chunk) = self.text.as_bytes().get(self.at..).and_then(<[u8]>::first_chunk) {
            let word = u64::from_le_bytes(*chunk);
            let quote = zero_in(word ^ (ONES * u64::from(b'"')));
            let backslash = zero_in(word ^ (ONES * u64::from(b'\\')));
            let control = word.wrapping_sub(ONES * 0x20) & !word;
            if (quote | backslash | control) & (ONES << 7) != 0 {
                break;
            }
            self.at += 8;
        }
        while matches!(self.byte(), Some(byte) if byte >= b' ' && byte != b'"' && byte != b'\\') {
            self.at += 1;
        }
    }

    /// One escape, at its backslash.
    fn escape(&mut self) -> Result<char, Error> {
        self.at += 1;
        let escaped = match self.byte() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(self.error("no such escape")),
        };
        self.at += 1;
        Ok(escaped)
    }

    /// `uXXXX`, or two of them that are one character, at the `u`.
    fn unicode_escape(&mut self) -> Result<char, Error> {
        let first = self.hex4()?;
        let code = match first {
            0xd800..=0xdbff if self.text.as_bytes().get(self.at..).is_some_and(|rest| rest.starts_with(b"\\u")) => {
                self.at += 1;
                let second = self.hex4()?;
                if !matches!(second, 0xdc00..=0xdfff) {
                    return Err(self.error("half a character"));
                }
                0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            _ => first,
        };
        char::from_u32(code).ok_or_else(|| self.error("half a character"))
    }

    fn hex4(&mut self) -> Result<u32, Error> {
        let mut code = 0;
        for _ in 0..4 {
            self.at += 1;
            let digit = self.byte().and_then(|byte| char::from(byte).to_digit(16));
            code = code * 16 + digit.ok_or_else(|| self.error("no hexadecimal digit"))?;
        }
        self.at += 1;
        Ok(code)
    }

    /// A number, at its first character, and whether it is written as an integer.
    pub(super) fn number(&mut self) -> Result<(&'de str, bool), Error> {
        let start = self.at;
        self.at += usize::from(self.byte() == Some(b'-'));
        if self.byte() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        let mut integer = true;
        if self.byte() == Some(b'.') {
            integer = false;
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.byte(), Some(b'e' | b'E')) {
            integer = false;
            self.at += 1;
            self.at += usize::from(matches!(self.byte(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok((self.since(start), integer))
    }

    fn digits(&mut self) -> Result<(), Error> {
        let start = self.at;
        while matches!(self.byte(), Some(b'0'..=b'9')) {
            self.at += 1;
        }
        if self.at == start { Err(self.error("no digit")) } else { Ok(()) }
    }

    /// Passes one value and gives its text.
    pub(super) fn value(&mut self) -> Result<&'de str, Error> {
        self.peek();
        let start = self.at;
        self.skip_value()?;
        Ok(self.since(start))
    }

    fn skip_value(&mut self) -> Result<(), Error> {
        match self.peek() {
            b'"' => self.skip_string(),
            b'{' => self.skip_members(b'}', true),
            b'[' => self.skip_members(b']', false),
            b't' => self.word("true"),
            b'f' => self.word("false"),
            b'n' => self.word("null"),
            b'-' | b'0'..=b'9' => self.number().map(|_| ()),
            _ => Err(self.error("no JSON value")),
        }
    }

    fn skip_string(&mut self) -> Result<(), Error> {
        self.at += 1;
        loop {
            self.skip_plain();
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(());
                }
                Some(b'\\') => drop(self.escape()?),
                _ => return Err(self.error("a control character in a string")),
            }
        }
    }

    fn skip_members(&mut self, close: u8, named: bool) -> Result<(), Error> {
        self.enter()?;
        let mut first = true;
        while self.another(close, &mut first)? {
            if named {
                if self.peek() != b'"' {
                    return Err(self.error("no member name"));
                }
                self.skip_string()?;
                self.expect(b':', "no colon")?;
            }
            self.skip_value()?;
        }
        Ok(())
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
