//! `text/event-stream`, taken apart as it comes, by the rules of the HTML standard (9.2.6).
//!
//! The rules are for a browser that stays connected; here each event is kept with the id that a browser would resume
//! from after it.

use std::{borrow::Cow, sync::Arc};

/// A byte order mark, which may begin a stream.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// One event of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Event {
    /// Its id, or that of the last event before it that had one. Shared: one long id can stick to many short events.
    pub(super) id: Option<Arc<str>>,
    /// Its name; `message` where the stream gives none.
    pub(super) event: String,
    /// Its lines of data.
    pub(super) data: String,
}

/// A stream up to here. What is not yet an event is never one: a stream that breaks off loses its last half.
#[derive(Debug, Default)]
pub(super) struct Parser {
    /// The line so far.
    line: Vec<u8>,
    /// Whether the last byte was a carriage return, and a newline would be the rest of the same line end.
    after_return: bool,
    /// Whether a line has ended, so that no byte order mark is looked for.
    is_begun: bool,
    id: Option<Arc<str>>,
    event: String,
    data: String,
}

impl Parser {
    /// Reads on until an event is complete or `bytes` are used up; says how many of them that took.
    pub(super) fn next(&mut self, bytes: &[u8]) -> (usize, Option<Event>) {
        let mut used = 0;
        while let Some(rest) = bytes.get(used..).filter(|rest| !rest.is_empty()) {
            if std::mem::take(&mut self.after_return) && rest.starts_with(b"\n") {
                used += 1;
                continue;
            }
            let Some(end) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) else {
                self.line.extend_from_slice(rest);
                return (bytes.len(), None);
            };
            let (line, ending) = rest.split_at(end);
            self.line.extend_from_slice(line);
            self.after_return = ending.starts_with(b"\r");
            used += end + 1;
            let event = self.end_line();
            if event.is_some() {
                return (used, event);
            }
        }
        (used, None)
    }

    fn end_line(&mut self) -> Option<Event> {
        let line = std::mem::take(&mut self.line);
        let line =
            if std::mem::replace(&mut self.is_begun, true) { &line } else { line.strip_prefix(MARK).unwrap_or(&line) };
        if line.is_empty() {
            return self.end_event();
        }
        let (field, value) = match line.iter().position(|byte| *byte == b':') {
            Some(0) => return None,
            Some(colon) => (line.get(..colon), line.get(colon + 1..)),
            None => (Some(line), None),
        };
        let value = value.unwrap_or_default();
        let value = String::from_utf8_lossy(value.strip_prefix(b" ").unwrap_or(value));
        self.take_field(field.unwrap_or_default(), value);
        None
    }

    fn take_field(&mut self, field: &[u8], value: Cow<'_, str>) {
        match field {
            b"event" => self.event = value.into_owned(),
            b"data" => {
                self.data.push_str(&value);
                self.data.push('\n');
            }
            b"id" if value.is_empty() => self.id = None,
            b"id" if !value.contains('\0') => self.id = Some(value.into()),
            _ => {}
        }
    }

    fn end_event(&mut self) -> Option<Event> {
        let (event, mut data) = (std::mem::take(&mut self.event), std::mem::take(&mut self.data));
        // Without a line of data there is no event, but its id sticks.
        data.pop()?;
        let event = if event.is_empty() { "message".to_owned() } else { event };
        Some(Event { id: self.id.clone(), event, data })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(parser: &mut Parser, mut bytes: &[u8]) -> Vec<Event> {
        let mut events = Vec::new();
        while !bytes.is_empty() {
            let (used, event) = parser.next(bytes);
            events.extend(event);
            bytes = &bytes[used..];
        }
        events
    }

    fn shown(stream: &str) -> Vec<String> {
        let show = |event: Event| format!("{}|{}|{}", event.id.as_deref().unwrap_or("-"), event.event, event.data);
        all(&mut Parser::default(), stream.as_bytes()).into_iter().map(show).collect()
    }

    /// The same rules over a stream that is there as a whole.
    fn by_the_book(stream: &[u8]) -> Vec<Event> {
        let text = String::from_utf8_lossy(stream);
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n").replace('\r', "\n");
        let (mut events, mut id, mut event, mut data) = (Vec::new(), None::<Arc<str>>, String::new(), Vec::new());
        // What follows the last line end is no line.
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        for line in complete.split('\n').take(if text.contains('\n') { usize::MAX } else { 0 }) {
            let (field, value) = line.split_once(':').unwrap_or((line, ""));
            let value = value.strip_prefix(' ').unwrap_or(value);
            match field {
                "" if line.is_empty() => {
                    let name = std::mem::take(&mut event);
                    let lines: Vec<String> = std::mem::take(&mut data);
                    if !lines.is_empty() {
                        let event = if name.is_empty() { "message".to_owned() } else { name };
                        events.push(Event { id: id.clone(), event, data: lines.join("\n") });
                    }
                }
                "event" => event = value.to_owned(),
                "data" => data.push(value.to_owned()),
                "id" if !value.contains('\0') => id = Some(value.into()).filter(|id: &Arc<str>| !id.is_empty()),
                _ => {}
            }
        }
        events
    }

    #[test]
    fn events_are_what_the_standard_says() {
        for (stream, expect) in [
            ("data: a\n\n", &["-|message|a"][..]),
            ("\u{feff}data: a\n\n", &["-|message|a"]),
            ("\u{feff}\u{feff}data: a\n\ndata: b\n\n", &["-|message|b"]),
            ("data: a\r\rdata: b\r\n\r\ndata:c\n\n", &["-|message|a", "-|message|b", "-|message|c"]),
            ("id: 7\nevent: status\ndata: a\ndata:  b\n\n", &["7|status|a\n b"]),
            ("id: 7\ndata: a\n\ndata: b\n\n", &["7|message|a", "7|message|b"]),
            ("id: 7\ndata: a\n\nid\ndata: b\n\n", &["7|message|a", "-|message|b"]),
            ("id: 7\ndata: a\n\nid: 8\0\ndata: b\n\n", &["7|message|a", "7|message|b"]),
            ("id: 9\n\ndata: a\n\n", &["9|message|a"]),
            ("event: lost\n\ndata: a\n\n", &["-|message|a"]),
            ("data\n\ndata\ndata\n\n", &["-|message|", "-|message|\n"]),
            (": comment\nretry: 5\nDATA: x\nunknown: y\n data: z\ndata: a\n\n", &["-|message|a"]),
            ("data: a\n", &[]),
            ("data: a", &[]),
            ("data: a\n\ndata: lost", &["-|message|a"]),
            ("data: a:b: c\n\n", &["-|message|a:b: c"]),
            ("\n\n\r\n\r\r", &[]),
            ("", &[]),
        ] {
            assert_eq!(shown(stream), expect, "{stream:?}");
        }
        let broken = all(&mut Parser::default(), b"data: \xff\xe2\x82\ndata: \xe2\x82\xac\n\n");
        assert_eq!(broken.first().map(|event| event.data.as_str()), Some("\u{fffd}\u{fffd}\n€"));
    }

    #[test]
    fn an_event_is_told_as_soon_as_its_last_byte_is_there_and_not_before() {
        let mut parser = Parser::default();
        assert_eq!(
            parser.next(b"data: a\r\n\r"),
            (10, Some(Event { id: None, event: "message".into(), data: "a".into() }))
        );
        assert_eq!(parser.next(b"\ndata: b\r\n"), (10, None));
        assert_eq!(parser.next(b"\nrest").0, 1, "the blank line ends the event, and what follows is left");
    }

    proptest! {
        #[test]
        fn however_a_stream_is_cut_into_pieces_its_events_are_the_same(
            text in "(\u{feff})?((data|id|event|retry|x)?:? ?[a-c\u{0}€]{0,2}(\n|\r|\r\n)){0,24}[a-z]{0,3}",
            noise in proptest::collection::vec(any::<u8>(), 0..64),
            cuts in proptest::collection::vec(1_usize..9, 0..200),
        ) {
            for stream in [text.as_bytes(), &noise] {
                let (mut parser, mut rest, mut events) = (Parser::default(), stream, Vec::new());
                for cut in cuts.iter().copied().chain([usize::MAX]) {
                    let (piece, left) = rest.split_at(cut.min(rest.len()));
                    events.extend(all(&mut parser, piece));
                    rest = left;
                }
                prop_assert_eq!(&events, &by_the_book(stream));
            }
        }
    }
}
