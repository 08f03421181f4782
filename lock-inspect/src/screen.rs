//! The terminal: how wide it is, and a picture on it that is painted again and again.

use std::io::{self, IsTerminal, Write};

use terminal_size::{Height, Width, terminal_size_of};

/// Columns and lines of the terminal that standard output is; `None` where it is none, and nothing is cut.
pub(crate) fn size() -> Option<(usize, usize)> {
    let (Width(columns), Height(lines)) = terminal_size_of(io::stdout())?;
    // A terminal that does not know its size says 0.
    (columns > 0 && lines > 0).then_some((columns.into(), lines.into()))
}

/// Its columns alone.
pub(crate) fn width() -> Option<usize> {
    size().map(|(columns, _)| columns)
}

/// The terminal's other screen. Dropped, the terminal is as it was before.
pub(crate) struct Screen {
    out: io::Stdout,
}

impl Screen {
    /// Whether standard output is a terminal that can paint.
    pub(crate) fn is_there() -> bool {
        let can_paint = std::env::var("TERM").is_ok_and(|name| !name.is_empty() && name != "dumb");
        io::stdout().is_terminal() && can_paint
    }

    /// `None` where it is gone meanwhile.
    pub(crate) fn open() -> Option<Self> {
        let mut out = io::stdout();
        write!(out, "\u{1b}[?1049h\u{1b}[?25l").ok()?;
        Some(Self { out })
    }

    /// Puts these lines there, as many as there is room for.
    pub(crate) fn paint(&self, lines: &[String]) -> io::Result<()> {
        let room = size().map_or(usize::MAX, |(_, lines)| lines);
        let mut picture = "\u{1b}[H".to_owned();
        let shown = if lines.len() > room {
            room.saturating_sub(1)
        } else {
            lines.len()
        };
        for (at, line) in lines[..shown].iter().enumerate() {
            if at > 0 {
                picture.push_str("\r\n");
            }
            picture.push_str(line);
            picture.push_str("\u{1b}[K");
        }
        if shown < lines.len() {
            picture.push_str("\r\n… more than there is room for: see `list`\u{1b}[K");
        }
        picture.push_str("\u{1b}[J");
        let mut out = self.out.lock();
        out.write_all(picture.as_bytes())?;
        out.flush()
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let mut out = self.out.lock();
        let _ = write!(out, "\u{1b}[?25h\u{1b}[?1049l");
        let _ = out.flush();
    }
}
