//! A page of human output: text that knows whether it may be coloured and how wide it may be.

use std::fmt::{self, Display, Write};

use owo_colors::{OwoColorize, Style as Colour};
use unicode_width::UnicodeWidthStr;

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

    /// Writes a paragraph, broken between words so that it fits the page, 80 columns at most.
    ///
    /// # Errors
    /// Never in practice.
    pub fn paragraph(&mut self, text: &str) -> fmt::Result {
        let room = self.width.min(80);
        let mut used = 0;
        for word in text.split_whitespace() {
            let width = UnicodeWidthStr::width(word);
            if used > 0 && used + 1 + width > room {
                writeln!(self.text)?;
                used = 0;
            }
            if used > 0 {
                self.text.push(' ');
                used += 1;
            }
            self.text.push_str(word);
            used += width;
        }
        writeln!(self.text)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(page: &Page) -> Vec<Vec<String>> {
        vec![
            vec![
                page.styled(Style::Good, "ok"),
                "日本語".into(),
                "end".into(),
            ],
            vec![page.styled(Style::Bad, "closed"), "a".into(), "end".into()],
            vec!["zoë".into(), String::new(), "end".into()],
        ]
    }

    fn table(colour: bool) -> String {
        let mut page = Page::new(colour, 80);
        let rows = rows(&page);
        page.table(&["State", "Name", ""], rows).unwrap();
        page.finish()
    }

    /// Removes colours: `ESC [ ... m`.
    fn plain(text: &str) -> String {
        let mut parts = text.split('\u{1b}');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |all, part| {
            all + part.split_once('m').map_or(part, |(_, rest)| rest)
        })
    }

    #[test]
    fn columns_align_in_every_script_and_without_trailing_blanks() {
        let text = table(false);
        let places: Vec<_> = text
            .lines()
            .skip(1)
            .map(|line| UnicodeWidthStr::width(&line[..line.find("end").unwrap()]))
            .collect();
        assert_eq!(places, [16, 16, 16], "{text}");
        assert!(text.lines().all(|line| line.trim_end() == line), "{text:?}");
    }

    #[test]
    fn colours_change_no_column() {
        assert_ne!(table(true), table(false));
        let coloured: Vec<_> = plain(&table(true))
            .lines()
            .map(|l| l.trim_end().to_owned())
            .collect();
        assert_eq!(coloured, table(false).lines().collect::<Vec<_>>());
    }

    #[test]
    fn paragraphs_fit_the_page() {
        let mut page = Page::new(false, 20);
        page.paragraph("one two three four five  six\nseven 日本語日本語日本語 end")
            .unwrap();
        let text = page.finish();
        assert!(
            text.lines().all(|line| UnicodeWidthStr::width(line) <= 20),
            "{text}"
        );
        assert!(text.starts_with("one two three four\nfive"), "{text}");
    }
}
