//! A text that is drawn again and again in the same place of a terminal.

use console::{Term, truncate_str};

use crate::failure::Failure;

/// The terminal behind stdout.
pub(crate) struct Screen {
    terminal: Term,
    /// What is drawn; nothing yet at first.
    text: Option<String>,
}

impl Screen {
    pub(crate) fn new() -> Self {
        Self {
            terminal: Term::buffered_stdout(),
            text: None,
        }
    }

    /// Draws a text in place of the last one. What does not fit is cut off, and said to be.
    pub(crate) fn draw(&mut self, text: &str) -> Result<(), Failure> {
        let is_first = self.text.replace(text.to_owned()).is_none();
        let cleared = if is_first {
            self.terminal.clear_screen()
        } else {
            Ok(())
        };
        cleared.and_then(|()| self.write("")).map_err(Failure::Output)
    }

    /// Draws the last text again, and a line below it.
    pub(crate) fn draw_below(&mut self, line: &str) -> Result<(), Failure> {
        self.write(line).map_err(Failure::Output)
    }

    fn write(&self, below: &str) -> std::io::Result<()> {
        let (rows, columns) = self.terminal.size();
        let text = self.text.as_deref().unwrap_or_default();
        let lines: Vec<&str> = text.lines().chain((!below.is_empty()).then_some(below)).collect();
        // The cursor needs the last row.
        let room = usize::from(rows).saturating_sub(1).max(1);
        let fit = if lines.len() > room { room - 1 } else { lines.len() };
        // Line by line over what is there: clearing all of it first would flicker.
        self.terminal.move_cursor_to(0, 0)?;
        for line in lines.iter().take(fit) {
            self.terminal.clear_line()?;
            self.terminal
                .write_line(&truncate_str(line, usize::from(columns), "…"))?;
        }
        self.terminal.clear_to_end_of_screen()?;
        if fit < lines.len() {
            self.terminal
                .write_line(&format!("… {} more lines", lines.len() - fit))?;
        }
        self.terminal.flush()
    }
}
