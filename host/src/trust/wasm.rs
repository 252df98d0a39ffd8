//! The outermost layer of a WebAssembly binary: preamble and sections. Borrows, allocates nothing, and follows no number
//! that the bytes do not bear out.

use serde::Serialize;

const MODULE: [u8; 8] = *b"\0asm\x01\0\0\0";
const COMPONENT: [u8; 8] = *b"\0asm\x0d\0\x01\0";
const CUSTOM: u8 = 0;

/// Why bytes are not a WebAssembly binary as far as its sections go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WasmError {
    /// The first eight bytes are neither a module's nor a component's.
    #[error("the file is not a WebAssembly binary")]
    Preamble,
    /// Something is longer than what is left.
    #[error("the file ends within the section at byte {0}")]
    Truncated(usize),
    /// A length is not written in the one shortest way.
    #[error("a length is not a minimal LEB128 number at byte {0}")]
    Leb128(usize),
    /// A custom section's name is not UTF-8.
    #[error("the name of the custom section at byte {0} is not UTF-8")]
    Name(usize),
}

/// The two kinds of WebAssembly binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A core module.
    Module,
    /// A component.
    Component,
}

impl FileKind {
    /// Bytes of the preamble.
    pub(super) const PREAMBLE_LENGTH: usize = 8;

    pub(super) fn preamble(self) -> [u8; Self::PREAMBLE_LENGTH] {
        match self {
            Self::Module => MODULE,
            Self::Component => COMPONENT,
        }
    }

    /// What the preamble of `bytes` says.
    pub(super) fn of(bytes: &[u8]) -> Result<Self, WasmError> {
        match bytes.first_chunk() {
            Some(&MODULE) => Ok(Self::Module),
            Some(&COMPONENT) => Ok(Self::Component),
            _ => Err(WasmError::Preamble),
        }
    }

    /// `a module` or `a component`, for people.
    #[must_use]
    pub fn described(self) -> &'static str {
        match self {
            Self::Module => "a module",
            Self::Component => "a component",
        }
    }
}

/// How lengths may be written.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Lengths {
    /// In the shortest way only: what is verified.
    Minimal,
    /// Padded too, as some linkers do: what is read to be signed.
    Padded,
}

/// One section.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    /// Its number; 0 is custom.
    pub(super) id: u8,
    /// Where it starts in the file.
    pub(super) start: usize,
    /// Where the next one starts.
    pub(super) end: usize,
    /// A custom section's name.
    pub(super) name: Option<&'a str>,
    /// What it holds, behind the name of a custom section.
    pub(super) payload: &'a [u8],
}

/// The sections of a file, in order. Ends after the first error.
pub(super) struct Sections<'a> {
    reader: Reader<'a>,
    failed: bool,
}

/// The kind of `bytes` and the walk over its sections.
pub(super) fn sections(bytes: &[u8], lengths: Lengths) -> Result<(FileKind, Sections<'_>), WasmError> {
    let kind = FileKind::of(bytes)?;
    Ok((kind, Sections { reader: Reader { bytes, at: FileKind::PREAMBLE_LENGTH, lengths }, failed: false }))
}

impl<'a> Iterator for Sections<'a> {
    type Item = Result<Section<'a>, WasmError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.failed || self.reader.is_empty() {
            return None;
        }
        let section = section(&mut self.reader);
        self.failed = section.is_err();
        Some(section)
    }
}

fn section<'a>(reader: &mut Reader<'a>) -> Result<Section<'a>, WasmError> {
    let start = reader.at;
    let truncated = |()| WasmError::Truncated(start);
    let id = reader.byte().map_err(truncated)?;
    let length = reader.number(start)?;
    let content = reader.take(length).map_err(truncated)?;
    let end = reader.at;
    if id != CUSTOM {
        return Ok(Section { id, start, end, name: None, payload: content });
    }
    let mut content = Reader { bytes: content, at: 0, lengths: reader.lengths };
    let length = content.number(start)?;
    let name = content.take(length).map_err(truncated)?;
    let name = std::str::from_utf8(name).map_err(|_| WasmError::Name(start))?;
    Ok(Section { id, start, end, name: Some(name), payload: content.rest() })
}

/// Reads bytes and LEB128 numbers off a slice, never past its end.
pub(super) struct Reader<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) lengths: Lengths,
}

impl<'a> Reader<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.at >= self.bytes.len()
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    pub(super) fn byte(&mut self) -> Result<u8, ()> {
        let byte = *self.bytes.get(self.at).ok_or(())?;
        self.at += 1;
        Ok(byte)
    }

    pub(super) fn take(&mut self, length: u32) -> Result<&'a [u8], ()> {
        let taken = self.rest().get(..length as usize).ok_or(())?;
        self.at += taken.len();
        Ok(taken)
    }

    /// A LEB128 number of at most 32 bits; errors name the section at `start`.
    pub(super) fn number(&mut self, start: usize) -> Result<u32, WasmError> {
        let mut value = 0;
        for shift in [0, 7, 14, 21, 28] {
            let byte = self.byte().map_err(|()| WasmError::Truncated(start))?;
            let bits = u32::from(byte & 0x7f);
            let overflows = shift == 28 && bits > 0x0f;
            let is_padding = shift > 0 && byte == 0 && self.lengths == Lengths::Minimal;
            if overflows || is_padding {
                return Err(WasmError::Leb128(start));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(WasmError::Leb128(start))
    }
}

/// Writes `value` as a minimal LEB128 number.
pub(super) fn write_number(out: &mut Vec<u8>, value: u32) {
    let mut rest = value;
    while rest >= 0x80 {
        out.push((rest & 0x7f) as u8 | 0x80);
        rest >>= 7;
    }
    out.push(rest as u8);
}

/// Writes a section as `lengths` of [`Lengths::Minimal`] reads it. `payload` stood in a file, so its length fits.
pub(super) fn write_section(out: &mut Vec<u8>, id: u8, name: Option<&str>, payload: &[u8]) {
    let mut head = Vec::new();
    if let Some(name) = name {
        write_number(&mut head, name.len() as u32);
        head.extend_from_slice(name.as_bytes());
    }
    out.push(id);
    write_number(out, (head.len() + payload.len()) as u32);
    out.extend_from_slice(&head);
    out.extend_from_slice(payload);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Seen<'a> = (u8, Option<&'a str>, &'a [u8]);

    fn walk(bytes: &[u8], lengths: Lengths) -> Result<Vec<Seen<'_>>, WasmError> {
        sections(bytes, lengths)?
            .1
            .map(|found| found.map(|section| (section.id, section.name, section.payload)))
            .collect()
    }

    fn check(body: &[u8], minimal: Result<usize, WasmError>, padded: Result<usize, WasmError>) {
        let file = [&MODULE[..], body].concat();
        assert_eq!(walk(&file, Lengths::Minimal).map(|found| found.len()), minimal, "{body:x?}");
        assert_eq!(walk(&file, Lengths::Padded).map(|found| found.len()), padded, "{body:x?}");
    }

    #[test]
    fn lengths_are_minimal_and_never_trusted() {
        check(&[], Ok(0), Ok(0));
        check(&[1, 0], Ok(1), Ok(1));
        check(&[1, 0x80, 0], Err(WasmError::Leb128(8)), Ok(1));
        check(&[1, 0x80, 0x80, 0x80, 0x80, 0], Err(WasmError::Leb128(8)), Ok(1));
        check(&[1, 0x80, 0x80, 0x80, 0x80, 0x10], Err(WasmError::Leb128(8)), Err(WasmError::Leb128(8)));
        check(&[1, 0x80, 0x80, 0x80, 0x80, 0x80, 0], Err(WasmError::Leb128(8)), Err(WasmError::Leb128(8)));
        check(&[1, 0xff, 0xff, 0xff, 0xff, 0x0f], Err(WasmError::Truncated(8)), Err(WasmError::Truncated(8)));
        check(&[1], Err(WasmError::Truncated(8)), Err(WasmError::Truncated(8)));
        check(&[1, 0x80], Err(WasmError::Truncated(8)), Err(WasmError::Truncated(8)));
        check(&[1, 0, 2, 1], Err(WasmError::Truncated(10)), Err(WasmError::Truncated(10)));
        check(&[0, 0], Err(WasmError::Truncated(8)), Err(WasmError::Truncated(8)));
        check(&[0, 1, 1], Err(WasmError::Truncated(8)), Err(WasmError::Truncated(8)));
        check(&[0, 2, 1, 0xff], Err(WasmError::Name(8)), Err(WasmError::Name(8)));
        check(&[0, 3, 0x81, 0, b'a'], Err(WasmError::Leb128(8)), Ok(1));
    }

    #[test]
    fn only_the_two_exact_preambles_are_taken() {
        assert_eq!(FileKind::of(&MODULE), Ok(FileKind::Module));
        assert_eq!(FileKind::of(&COMPONENT), Ok(FileKind::Component));
        for bytes in
            [&b""[..], b"\0asm", b"(module)", b"\x7fELF\x02\x01\x01\0", b"\0asm\x02\0\0\0", b"\0asm\x01\0\x01\0"]
        {
            assert_eq!(FileKind::of(bytes), Err(WasmError::Preamble), "{bytes:x?}");
        }
    }

    proptest! {
        #[test]
        fn a_number_reads_back_as_it_was_written(value: u32) {
            let mut bytes = Vec::new();
            write_number(&mut bytes, value);
            let mut reader = Reader { bytes: &bytes, at: 0, lengths: Lengths::Minimal };
            prop_assert_eq!(reader.number(0), Ok(value));
            prop_assert!(reader.is_empty());
        }

        #[test]
        fn sections_read_back_as_they_were_written(ids in prop::collection::vec((0u8..13, "[a-z]{0,9}", prop::collection::vec(any::<u8>(), 0..300)), 0..6)) {
            let mut file = MODULE.to_vec();
            for (id, name, payload) in &ids {
                write_section(&mut file, *id, (*id == 0).then_some(name), payload);
            }
            let found = walk(&file, Lengths::Minimal).expect("written minimal");
            prop_assert_eq!(found.len(), ids.len());
            for ((id, name, payload), (found_id, found_name, found_payload)) in ids.iter().zip(found) {
                prop_assert_eq!((*id, (*id == 0).then_some(name.as_str()), payload.as_slice()), (found_id, found_name, found_payload));
            }
        }

        #[test]
        fn any_bytes_are_walked_to_an_end_without_a_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let file = [&MODULE[..], &body].concat();
            let _ = walk(&file, Lengths::Minimal);
            let _ = walk(&file, Lengths::Padded);
        }
    }
}
