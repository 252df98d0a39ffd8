//! Writing JSON: the text itself, without spaces, as `serde_json` writes it.

use alloc::{string::String, vec::Vec};

use serde::Serialize;

use super::{
    access::RawMember,
    block::{append, copy_plain},
};
use crate::{Json, text::Digits, utf8};

/// A document that is being written.
pub(crate) struct Writer {
    out: Vec<u8>,
    /// Whether the next string is a piece of JSON that goes in as it is.
    pub(super) raw: bool,
}

impl Writer {
    pub(crate) fn new() -> Self {
        Self { out: Vec::with_capacity(256), raw: false }
    }

    /// What was written.
    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.out
    }

    /// What was written, as a piece of another document; none if it is no text, which it always is.
    pub(crate) fn into_json(self) -> Option<Json> {
        utf8::text(&self.out)?;
        // SAFETY: it was just looked at.
        RawMember::json(unsafe { String::from_utf8_unchecked(self.out) })
    }

    /// A piece of JSON as it is.
    #[inline(never)]
    pub(crate) fn piece(&mut self, json: &str) {
        self.out.extend_from_slice(json.as_bytes());
    }

    #[inline(never)]
    pub(super) fn byte(&mut self, byte: u8) {
        append(&mut self.out, &[byte], 1);
    }

    /// A string, in quotes.
    #[inline(never)]
    pub(crate) fn string(&mut self, text: &str) {
        self.byte(b'"');
        self.inside(text);
        self.byte(b'"');
    }

    /// What stands between a string's quotes.
    pub(super) fn inside(&mut self, text: &str) {
        let mut at = copy_plain(text.as_bytes(), 0, &mut self.out);
        while let Some(byte) = text.as_bytes().get(at) {
            self.escape(*byte);
            at = copy_plain(text.as_bytes(), at + 1, &mut self.out);
        }
    }

    #[inline(never)]
    fn escape(&mut self, byte: u8) {
        const HEX: &[u8; 16] = b"0123456789abcdef";
        let short = match byte {
            b'"' | b'\\' => byte,
            0x08 => b'b',
            0x0c => b'f',
            b'\n' => b'n',
            b'\r' => b'r',
            b'\t' => b't',
            _ => {
                self.piece("\\u00");
                self.byte(HEX[usize::from(byte >> 4)]);
                return self.byte(HEX[usize::from(byte & 15)]);
            }
        };
        self.byte(b'\\');
        self.byte(short);
    }

    pub(crate) fn boolean(&mut self, value: bool) {
        self.piece(if value { "true" } else { "false" });
    }

    #[inline(never)]
    pub(crate) fn number(&mut self, value: u64) {
        self.piece(Digits::of(value).as_str());
    }

    #[inline(never)]
    pub(super) fn signed(&mut self, value: i64) {
        if value < 0 {
            self.byte(b'-');
        }
        self.number(value.unsigned_abs());
    }

    /// A float, by the writer that knows how; what is none is null.
    #[inline(never)]
    pub(crate) fn float(&mut self, value: impl Serialize) {
        self.out.append(&mut serde_json::to_vec(&value).unwrap_or_default());
    }

    /// Begins a list or an object.
    #[inline(never)]
    pub(crate) fn open(&mut self, bracket: u8) {
        self.byte(bracket);
    }

    /// Ends it.
    #[inline(never)]
    pub(crate) fn close(&mut self, bracket: u8) {
        self.byte(bracket);
    }

    /// The comma before anything but the first in a list or an object. A value ends with neither bracket.
    #[inline(never)]
    pub(crate) fn another(&mut self) {
        if !matches!(self.out.last(), Some(b'[' | b'{')) {
            self.byte(b',');
        }
    }

    /// The name of the next member.
    #[inline(never)]
    pub(crate) fn name(&mut self, name: &str) {
        self.another();
        self.string(name);
        self.byte(b':');
    }
}
