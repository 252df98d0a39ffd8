//! Modules: text → bytes, and the section that says what a gate is.

/// Answers with the bytes that its input's `text` spells in hexadecimal, so one module gives every answer, good or bad.
pub(crate) const PARROT: &str = include_str!("../guests/parrot.wat");
/// Passes, and shows the request that it was handed as its details.
pub(crate) const ECHO: &str = include_str!("../guests/echo.wat");

pub(crate) const PASS: &str = r#"{"verdict":"pass"}"#;
pub(crate) const FAIL: &str = r#"{"verdict":"fail","checks":[{"id":"it_holds","passed":false}]}"#;
pub(crate) const REVIEW: &str = r#"{"verdict":"review","summary":"a person looks"}"#;
pub(crate) const NOT_APPLICABLE: &str = r#"{"verdict":"not_applicable"}"#;

pub(crate) fn assemble(wat: &str) -> Vec<u8> {
    wat::parse_str(wat).unwrap_or_else(|error| panic!("{error}"))
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The module with the section that names it, as a toolchain would append it.
pub(crate) fn with_metadata(wasm: &[u8], name: &str, kind: &str) -> Vec<u8> {
    let metadata = format!(r#"{{"protocol":1,"name":"{name}","version":"1.0.0","kind":"{kind}"}}"#);
    [wasm, &section("portcullis.gate", metadata.as_bytes())].concat()
}

/// A custom section.
pub(crate) fn section(name: &str, payload: &[u8]) -> Vec<u8> {
    let body = [leb128(name.len()), name.into(), payload.into()].concat();
    [vec![0], leb128(body.len()), body].concat()
}

fn leb128(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (number & 0x7f) as u8;
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
