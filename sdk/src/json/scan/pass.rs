//! Whole values that are passed over or kept as they are, held to the same grammar as those that are read. Most of a large
//! document goes through here.

use core::num::NonZeroUsize;

use super::{
    super::{
        Error,
        block::{plain_end, short_end, space_end},
    },
    Scan,
};

impl<'de> Scan<'de> {
    /// Passes one value and gives its text.
    #[inline(never)]
    pub(in super::super) fn value(&mut self) -> Result<&'de str, Error> {
        self.peek();
        let start = self.at;
        self.pass_value()?;
        Ok(self.since(start))
    }

    fn pass_value(&mut self) -> Result<(), Error> {
        match self.peek() {
            b'"' => self.pass_string(),
            b'{' => self.pass_members(b'}'),
            b'[' => self.pass_members(b']'),
            b't' | b'f' | b'n' => self.word(),
            b'-' | b'0'..=b'9' => self.number().map(|_| ()),
            _ => Err(self.error("no JSON value")),
        }
    }

    /// Where the string ends that begins before `at`, behind its quote; nowhere, if there is a problem with it.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    #[inline(never)]
    fn string_end(&mut self, at: usize) -> Option<NonZeroUsize> {
        short_end(self.text.as_bytes(), at).or_else(|| self.long_end(at))
    }

    fn long_end(&mut self, at: usize) -> Option<NonZeroUsize> {
        self.at = at;
        loop {
            self.at = plain_end(self.text.as_bytes(), self.at);
            if self.byte() == b'"' {
                return NonZeroUsize::new(self.at + 1);
            }
            self.escape()?;
        }
    }

    /// Passes a string, at its quote.
    fn pass_string(&mut self) -> Result<(), Error> {
        match self.string_end(self.at + 1) {
            Some(end) => self.at = end.get(),
            None => return Err(self.error(self.problem)),
        }
        Ok(())
    }

    /// Passes a list or an object, at its bracket. Most of a large document goes through here, so the usual is done in
    /// place: a call costs as much as a short string.
    #[cfg_attr(target_family = "wasm", target_feature(enable = "simd128"))]
    #[inline(never)]
    fn pass_members(&mut self, close: u8) -> Result<(), Error> {
        self.enter()?;
        let bytes = self.text.as_bytes();
        let (mut at, mut byte) = next(bytes, self.at);
        while byte != close {
            if close == b'}' {
                if byte != b'"' {
                    return Err(self.error_at(at, "no member name"));
                }
                let Some(end) = self.string_end(at + 1) else { return Err(self.error(self.problem)) };
                at = end.get();
                (at, byte) = next(bytes, at);
                if byte != b':' {
                    return Err(self.error_at(at, "no colon"));
                }
                (at, byte) = next(bytes, at + 1);
            }
            if byte == b'"' {
                let Some(end) = self.string_end(at + 1) else { return Err(self.error(self.problem)) };
                at = end.get();
            } else {
                self.at = at;
                self.pass_value()?;
                at = self.at;
            }
            (at, byte) = next(bytes, at);
            if byte == b',' {
                (at, byte) = next(bytes, at + 1);
                if byte == close {
                    return Err(self.error_at(at, "nothing after a comma"));
                }
            } else if byte != close {
                return Err(self.error_at(at, "no comma"));
            }
        }
        self.at = at + 1;
        self.depth -= 1;
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn error_at(&mut self, at: usize, message: &str) -> Error {
        self.at = at;
        self.error(message)
    }
}

/// The first place at or after `at` of a byte that is no white space, and the byte; zero at the end.
#[inline(always)]
fn next(bytes: &[u8], at: usize) -> (usize, u8) {
    match bytes.get(at) {
        Some(byte) if *byte > b' ' => (at, *byte),
        _ => past_space(bytes, at),
    }
}

#[inline(never)]
fn past_space(bytes: &[u8], at: usize) -> (usize, u8) {
    let at = space_end(bytes, at);
    (at, bytes.get(at).copied().unwrap_or(0))
}
