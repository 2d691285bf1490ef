//! What change files say of columns. The rooms do not know each other, so it comes in as data.

use crate::error::{Error, Kind, Place, Result};
use crate::masking::Class;
use crate::sql::{Ident, nearest};

/// A column that a change file adds, replaces or drops.
#[derive(Debug, Clone, PartialEq)]
pub struct Declared {
    /// The table, as written.
    pub table: String,
    /// The column.
    pub column: Ident,
    /// What becomes of it.
    pub fate: Fate,
    /// Where the file says so.
    pub place: Place,
}

/// What a change does to a column.
#[derive(Debug, Clone, PartialEq)]
pub enum Fate {
    /// It is added.
    Added {
        /// The type, as SQL.
        data_type: String,
        /// `pii = "..."`
        pii: Option<String>,
        /// The foreign key, as `table(column)`.
        references: Option<String>,
        /// Whether the change has not reached the database yet.
        pending: bool,
    },
    /// It is dropped.
    Dropped,
}

/// What `pii` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Declaration {
    /// Nothing personal.
    Nothing,
    /// This class.
    Class(Class),
}

impl Declared {
    /// What `pii` says; `None` when the file does not say.
    ///
    /// # Errors
    /// [`Kind::MaskRule`] for a word that is no class.
    pub(super) fn declaration(&self) -> Result<Option<Declaration>> {
        let Fate::Added {
            pii: Some(word), ..
        } = &self.fate
        else {
            return Ok(None);
        };
        if word == "none" {
            return Ok(Some(Declaration::Nothing));
        }
        let class = word.parse().map_err(|message: String| {
            let known: Vec<&str> = Class::ALL.iter().map(|class| class.name()).collect();
            Error::new(
                Kind::MaskRule,
                format!("pii of {}.{}: {message}", self.table, self.column.as_str()),
            )
            .hint(match nearest(word, &known) {
                Some(near) => format!("did you mean \"{near}\"?"),
                None => format!("the classes are none, {}", known.join(", ")),
            })
            .at(self.place.clone())
        })?;
        Ok(Some(Declaration::Class(class)))
    }
}
