//! The one error type of the crate.
//!
//! Rules: an error says what happened in one sentence without a final full stop, names the object
//! it happened to, points at the file and place where there is one, and carries a hint that a
//! reader can act on. Its [`Kind`] decides the code, the exit code, the retry class and the long
//! text of `tidegate explain`; see [`policy`]. Errors are printed once, by the CLI's edge.

pub mod policy;

use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use policy::{Kind, Retry};

/// Shorthand for results with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Something that went wrong, with everything a person needs to mend it.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: String,
    hint: Option<String>,
    place: Option<Place>,
    details: Vec<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// A place in a file that the user wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file, as the user would name it.
    pub file: PathBuf,
    /// The whole text of the file.
    pub text: Arc<str>,
    /// Byte range inside `text`.
    pub span: std::ops::Range<usize>,
    /// What is wrong at the span, in a few words; may be empty.
    pub label: String,
}

impl Place {
    /// A place at `span` of `text`, which was read from `file`.
    #[must_use]
    pub fn new(file: &Path, text: &Arc<str>, span: std::ops::Range<usize>) -> Self {
        let end = span.end.min(text.len());
        Self {
            file: file.to_owned(),
            text: Arc::clone(text),
            span: span.start.min(end)..end,
            label: String::new(),
        }
    }

    /// The same place with a label beside it.
    #[must_use]
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Line and column, both from 1; the column counts characters.
    #[must_use]
    pub fn line_column(&self) -> (usize, usize) {
        let before = self.text.get(..self.span.start).unwrap_or(&self.text);
        let line = before.matches('\n').count() + 1;
        let column = before
            .rsplit('\n')
            .next()
            .map_or(0, |line| line.chars().count())
            + 1;
        (line, column)
    }
}

impl Error {
    /// A new error of `kind`; `message` names the object concerned.
    #[must_use]
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            hint: None,
            place: None,
            details: Vec::new(),
            source: None,
        }))
    }

    /// Replaces the general hint of the kind by one for this very case.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Points at the place in the user's file.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.0.place = Some(place);
        self
    }

    /// Adds one line of detail, printed below the message (a gate's evidence, a blocker).
    #[must_use]
    pub fn detail(mut self, line: impl Into<String>) -> Self {
        self.0.details.push(line.into());
        self
    }

    /// Keeps the error that caused this one.
    #[must_use]
    pub fn because(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The kind, which decides code, exit code and retry class.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The hint: the one of this case, else the general one of the kind.
    #[must_use]
    pub fn hint_text(&self) -> &str {
        self.0
            .hint
            .as_deref()
            .unwrap_or_else(|| self.0.kind.policy().hint)
    }

    /// Where in the user's files it happened.
    #[must_use]
    pub fn place(&self) -> Option<&Place> {
        self.0.place.as_ref()
    }

    /// Further lines of detail.
    #[must_use]
    pub fn details(&self) -> &[String] {
        &self.0.details
    }

    /// The error that caused this one.
    #[must_use]
    pub fn cause(&self) -> Option<&(dyn std::error::Error + Send + Sync + 'static)> {
        self.0.source.as_deref()
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::new(Kind::Io, error.to_string()).because(error)
    }
}
