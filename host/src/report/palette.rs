//! The colours of what people read at a terminal. They are written inline; the caller sends the text through a stream that
//! strips them where nobody wants them.

use anstyle::{AnsiColor, Style};

pub(super) const BOLD: Style = Style::new().bold();
pub(super) const DIM: Style = Style::new().dimmed();
pub(super) const GREEN: Style = AnsiColor::Green.on_default().bold();
pub(super) const RED: Style = AnsiColor::Red.on_default().bold();
pub(super) const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
pub(super) const MAGENTA: Style = AnsiColor::Magenta.on_default().bold();
pub(super) const CYAN: Style = AnsiColor::Cyan.on_default();
