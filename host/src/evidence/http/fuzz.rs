//! For [`crate::fuzz`]: a stream of events.

use super::events::{Event, Parser};

/// A stream of events: the same ones in whatever pieces it comes, and none with a line end where it has none.
///
/// # Panics
/// When that does not hold.
pub fn event_stream(bytes: &[u8]) {
    let events = events_of(bytes.chunks(bytes.len().max(1)));
    assert_eq!(events, events_of(bytes.chunks(3)), "in pieces");
    let lines = bytes.iter().filter(|byte| matches!(byte, b'\r' | b'\n')).count();
    assert!(events.len() * 2 <= lines, "an event is a line and a blank one at least");
    for Event { id, event, data } in events {
        assert!(!event.is_empty() && !event.contains(['\r', '\n']) && !data.contains('\r'));
        assert!(id.is_none_or(|id| !id.is_empty() && !id.contains(['\r', '\n', '\0'])));
    }
}

fn events_of<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<Event> {
    let (mut parser, mut events) = (Parser::default(), Vec::new());
    for mut piece in pieces {
        while !piece.is_empty() {
            let (used, event) = parser.next(piece);
            assert!((1..=piece.len()).contains(&used) && (event.is_some() || used == piece.len()));
            events.extend(event);
            piece = &piece[used..];
        }
    }
    events
}
