//! A page of human output: text that knows whether it may be coloured and how wide it may be.

use std::fmt::{self, Display, Write};

use owo_colors::{OwoColorize, Style as Colour};

/// Text for a person, built up by a [`super::Report`].
#[derive(Debug)]
pub struct Page {
    text: String,
    colour: bool,
    width: usize,
}

/// What a piece of text means; colour only ever carries meaning, and never alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Done, open, equal.
    Good,
    /// Waits, pending.
    Waiting,
    /// Refused, failed, closed.
    Bad,
    /// A heading.
    Strong,
    /// A remark.
    Faint,
}

impl Page {
    /// An empty page.
    #[must_use]
    pub fn new(colour: bool, width: usize) -> Self {
        Self {
            text: String::new(),
            colour,
            width,
        }
    }

    /// Columns that a line may take.
    #[must_use]
    pub fn width(&self) -> usize {
        self.width
    }

    /// Writes one line.
    ///
    /// # Errors
    /// Never in practice; the type fits `?` in reports.
    pub fn line(&mut self, text: impl Display) -> fmt::Result {
        writeln!(self.text, "{text}")
    }

    /// `text` with the colour of its meaning, when colours are on.
    #[must_use]
    pub fn styled(&self, style: Style, text: impl Display) -> String {
        if !self.colour {
            return text.to_string();
        }
        let colour = match style {
            Style::Good => Colour::new().green(),
            Style::Waiting => Colour::new().yellow(),
            Style::Bad => Colour::new().red(),
            Style::Strong => Colour::new().bold(),
            Style::Faint => Colour::new().dimmed(),
        };
        text.style(colour).to_string()
    }

    /// Writes an aligned table without borders; empty `head` leaves the heading out.
    ///
    /// # Errors
    /// Never in practice.
    pub fn table(&mut self, head: &[&str], rows: Vec<Vec<String>>) -> fmt::Result {
        use comfy_table::{ContentArrangement, Table, presets};
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        if !head.is_empty() {
            table.set_header(head.iter().map(|cell| self.styled(Style::Strong, cell)));
        }
        table.add_rows(rows);
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        for line in table.to_string().lines() {
            writeln!(self.text, "{}", line.trim_end())?;
        }
        Ok(())
    }

    /// The finished text.
    #[must_use]
    pub fn finish(self) -> String {
        self.text
    }
}

impl Write for Page {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.text.write_str(text)
    }
}
