//! The enum of all operations. Its matches are exhaustive: a new kind must answer every question.

use serde::{Deserialize, Serialize};

use super::{
    AddColumn, DropColumn, GateSpec, Guard, PlainSql, Planning, Probe, ReplaceColumn, SetNotNull,
};
use crate::error::Result;
use crate::migration::{Phase, Step};

/// One operation of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Operation {
    /// Adds a column.
    AddColumn(AddColumn),
    /// Replaces a column by another one, of the same or another type or meaning.
    ReplaceColumn(ReplaceColumn),
    /// Makes a column NOT NULL.
    SetNotNull(SetNotNull),
    /// Drops a column.
    DropColumn(DropColumn),
    /// Runs SQL that the user wrote.
    Sql(PlainSql),
}

impl Operation {
    /// The words that a file may give as `kind`.
    pub const KINDS: [&'static str; 5] = [
        "add_column",
        "replace_column",
        "set_not_null",
        "drop_column",
        "sql",
    ];

    /// The word for this kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::AddColumn(_) => "add_column",
            Self::ReplaceColumn(_) => "replace_column",
            Self::SetNotNull(_) => "set_not_null",
            Self::DropColumn(_) => "drop_column",
            Self::Sql(_) => "sql",
        }
    }

    /// Whether it does anything in `phase`.
    #[must_use]
    pub fn acts_in(&self, phase: Phase) -> bool {
        match self {
            Self::AddColumn(operation) => operation.acts_in(phase),
            Self::ReplaceColumn(operation) => operation.acts_in(phase),
            Self::SetNotNull(operation) => operation.acts_in(phase),
            Self::DropColumn(_) => phase == Phase::Contract,
            Self::Sql(operation) => operation.phase == phase,
        }
    }

    /// The steps of `phase`. `planning.catalog` is the database before expand, or at any later
    /// moment of the change's life; the steps are the same.
    ///
    /// # Errors
    /// Unknown objects, names that are taken, and everything that could not be carried through
    /// without losing something; each points at the file.
    pub fn steps(&self, phase: Phase, planning: &Planning<'_>) -> Result<Vec<Step>> {
        if !self.acts_in(phase) {
            return Ok(Vec::new());
        }
        match self {
            Self::AddColumn(operation) => operation.steps(phase, planning),
            Self::ReplaceColumn(operation) => operation.steps(phase, planning),
            Self::SetNotNull(operation) => operation.steps(phase, planning),
            Self::DropColumn(operation) => operation.steps(planning),
            Self::Sql(operation) => operation.steps(planning),
        }
    }

    /// What must hold before `phase` runs.
    ///
    /// # Errors
    /// Unknown objects.
    pub fn gates(&self, phase: Phase, planning: &Planning<'_>) -> Result<Vec<GateSpec>> {
        if !self.acts_in(phase) {
            return Ok(Vec::new());
        }
        match self {
            Self::AddColumn(operation) => operation.gates(phase, planning),
            Self::ReplaceColumn(operation) => operation.gates(phase, planning),
            Self::SetNotNull(operation) => operation.gates(phase, planning),
            Self::DropColumn(operation) => operation.gates(planning),
            Self::Sql(_) => Ok(Vec::new()),
        }
    }

    /// The trigger that works for this operation between expand and contract, if it needs one.
    ///
    /// # Errors
    /// A name that cannot be made.
    pub fn guard(&self, planning: &Planning<'_>) -> Result<Option<Guard>> {
        Ok(match self {
            Self::ReplaceColumn(operation) => Some(planning.guard("keep_", &operation.to.name)?),
            Self::AddColumn(operation) if operation.up.is_some() => {
                Some(planning.guard("fill_", &operation.column.name)?)
            }
            Self::SetNotNull(operation) if operation.up.is_some() => {
                Some(planning.guard("fill_", &operation.column)?)
            }
            Self::AddColumn(_) | Self::SetNotNull(_) | Self::DropColumn(_) | Self::Sql(_) => None,
        })
    }

    /// What the server is asked about before expand.
    ///
    /// # Errors
    /// Unknown objects.
    pub fn probes(&self, planning: &Planning<'_>) -> Result<Vec<Probe>> {
        match self {
            Self::AddColumn(operation) => operation.probes(planning),
            Self::ReplaceColumn(operation) => operation.probes(planning),
            Self::SetNotNull(operation) => operation.probes(planning),
            Self::DropColumn(_) | Self::Sql(_) => Ok(Vec::new()),
        }
    }

    /// Texts that name the objects it creates; a change that needs one of them can only be
    /// planned after this one ran.
    #[must_use]
    pub fn mentions(&self) -> Vec<&str> {
        match self {
            Self::AddColumn(operation) => vec![operation.column.name.as_str()],
            Self::ReplaceColumn(operation) => vec![operation.to.name.as_str()],
            Self::Sql(operation) => vec![&operation.up],
            Self::SetNotNull(_) | Self::DropColumn(_) => Vec::new(),
        }
    }
}
