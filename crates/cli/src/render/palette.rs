//! Colours, where they are wanted.

use std::fmt;

use clap::builder::styling::{AnsiColor, Style};

/// The colours for one of the two streams.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Palette {
    coloured: bool,
}

/// A text in a style.
pub(crate) struct Styled<T> {
    text: T,
    style: Style,
}

impl Palette {
    /// No colours, for what a test reads.
    #[cfg(test)]
    pub(crate) const PLAIN: Self = Self { coloured: false };

    /// Colours for a terminal; none for files, pipes and NO_COLOR.
    pub(crate) fn new(coloured: bool) -> Self {
        Self { coloured }
    }

    pub(crate) fn is_coloured(self) -> bool {
        self.coloured
    }

    pub(crate) fn good<T: fmt::Display>(self, text: T) -> Styled<T> {
        self.styled(text, AnsiColor::Green.on_default())
    }

    pub(crate) fn bad<T: fmt::Display>(self, text: T) -> Styled<T> {
        self.styled(text, AnsiColor::Red.on_default().bold())
    }

    pub(crate) fn notable<T: fmt::Display>(self, text: T) -> Styled<T> {
        self.styled(text, AnsiColor::Yellow.on_default())
    }

    pub(crate) fn strong<T: fmt::Display>(self, text: T) -> Styled<T> {
        self.styled(text, Style::new().bold())
    }

    pub(crate) fn faint<T: fmt::Display>(self, text: T) -> Styled<T> {
        self.styled(text, Style::new().dimmed())
    }

    fn styled<T>(self, text: T, style: Style) -> Styled<T> {
        Styled {
            text,
            style: if self.coloured { style } else { Style::new() },
        }
    }
}

impl<T: fmt::Display> fmt::Display for Styled<T> {
    /// Width and alignment are the text's; the codes around it take no room.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.style.render())?;
        self.text.fmt(f)?;
        write!(f, "{}", self.style.render_reset())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_has_no_codes() {
        assert_eq!(Palette::PLAIN.bad("no").to_string(), "no");
        assert_eq!(Palette::new(true).good("ok").to_string(), "\u{1b}[32mok\u{1b}[0m");
    }

    #[test]
    fn codes_take_no_room() {
        assert_eq!(format!("{:<4}|", Palette::PLAIN.good("ok")), "ok  |");
        assert_eq!(
            format!("{:<4}|", Palette::new(true).good("ok")),
            "\u{1b}[32mok  \u{1b}[0m|"
        );
    }
}
