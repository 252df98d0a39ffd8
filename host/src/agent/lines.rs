//! Bytes of a pipe → lines, never more than one of them held.

use super::line::{AgentLine, BadLine, MAX_LINE, read_line};

/// What an agent's output is cut into lines with. Holds at most [`MAX_LINE`] bytes and what it is fed with.
#[derive(Debug, Default)]
pub struct Lines {
    held: Vec<u8>,
    /// Whether the line under way is too long already: the rest of it goes by.
    passes: bool,
}

impl Lines {
    /// The lines that end in `bytes`, in order. Blank ones say nothing and are left out. A line that is too long is told once,
    /// as soon as it is.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Result<AgentLine, BadLine>> {
        let mut lines = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let (piece, ends) = match piece.split_last() {
                Some((b'\n', line)) => (line, true),
                _ => (piece, false),
            };
            lines.extend(self.add(piece));
            if ends {
                lines.extend(self.end());
            }
        }
        lines
    }

    /// What was begun and not ended with a line feed; what follows is a line of its own.
    pub fn end(&mut self) -> Option<Result<AgentLine, BadLine>> {
        let line = std::mem::take(&mut self.held);
        if std::mem::take(&mut self.passes) || line.trim_ascii().is_empty() {
            return None;
        }
        Some(read_line(&line))
    }

    fn add(&mut self, piece: &[u8]) -> Option<Result<AgentLine, BadLine>> {
        if self.passes {
            return None;
        }
        if self.held.len() + piece.len() > MAX_LINE {
            self.held = Vec::new();
            self.passes = true;
            return Some(Err(BadLine::too_long()));
        }
        self.held.extend_from_slice(piece);
        None
    }
}
