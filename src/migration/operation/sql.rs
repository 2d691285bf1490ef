//! `sql`: what the user wrote, statement by statement.

use serde::{Deserialize, Serialize};

use super::planning::Planning;
use crate::error::{Error, Kind, Result};
use crate::migration::step::{Action, Cost, Undo};
use crate::migration::{Phase, Step};
use crate::sql::{Ident, LockMode, QualifiedName, Statement, parse_script};

/// Plain SQL in one phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlainSql {
    /// The phase it runs in.
    #[serde(default = "expand")]
    pub phase: Phase,
    /// The statements.
    pub up: String,
    /// The statements that undo it; without them the change cannot be rolled back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub down: Option<String>,
    /// Whether all statements run in one transaction. Some statements, such as
    /// `CREATE INDEX CONCURRENTLY`, cannot.
    #[serde(default = "yes")]
    pub transaction: bool,
}

const fn expand() -> Phase {
    Phase::Expand
}

const fn yes() -> bool {
    true
}

impl PlainSql {
    pub(super) fn steps(&self, planning: &Planning<'_>) -> Result<Vec<Step>> {
        let statements = parse(planning, &self.up, "up")?;
        let undo = self.undo(planning)?;
        if self.transaction {
            if let Some(statement) = statements.iter().find(|statement| !statement.transactional) {
                return Err(planning.at(
                    Error::new(
                        Kind::ChangeValue,
                        format!("\"{}\" cannot run inside a transaction", first_line(&statement.text)),
                    )
                    .hint("put it into a change of its own with `-- tidegate: transaction=off` (TOML: transaction = false)"),
                    "up",
                ));
            }
            return Ok(one_transaction(&statements, undo));
        }
        // The undo belongs to the first step: it is the last to be undone, and whenever any of them
        // ran, it did.
        Ok(statements
            .into_iter()
            .enumerate()
            .map(|(index, statement)| Step {
                title: first_line(&statement.text),
                lock: statement.lock,
                rewrites: statement.rewrites,
                cost: Cost::default(),
                undo: if index == 0 {
                    undo.clone()
                } else {
                    Undo::Nothing
                },
                action: action(planning, statement),
            })
            .collect())
    }

    fn undo(&self, planning: &Planning<'_>) -> Result<Undo> {
        match &self.down {
            None => Ok(Undo::Impossible {
                reason: "the change has no down script".to_owned(),
            }),
            Some(down) => {
                let statements = parse(planning, down, "down")?;
                let transactional = statements.iter().all(|one| one.transactional);
                let sql = statements.into_iter().map(|one| one.text).collect();
                Ok(if transactional {
                    Undo::UserTransaction { sql }
                } else {
                    Undo::UserStatements { sql }
                })
            }
        }
    }
}

/// An index that is built concurrently is looked for in the catalog when its build was cut off;
/// of other statements outside a transaction nobody knows then how they ended.
fn action(planning: &Planning<'_>, statement: Statement) -> Action {
    let sql = statement.text;
    if statement.transactional {
        return Action::UserTransaction { sql: vec![sql] };
    }
    let index = statement.builds.and_then(|(name, table)| {
        let table = planning.table_named(&table, "up").ok()?;
        let name = match name
            .strip_prefix('"')
            .and_then(|name| name.strip_suffix('"'))
        {
            Some(quoted) => Ident::new(quoted.replace("\"\"", "\"")),
            None => Ident::new(name.to_lowercase()),
        };
        Some(QualifiedName::new(table.name.schema.clone(), name.ok()?))
    });
    match index {
        Some(index) => Action::ConcurrentIndex { index, sql },
        None => Action::UserStatement { sql },
    }
}

fn one_transaction(statements: &[Statement], undo: Undo) -> Vec<Step> {
    let Some(first) = statements.first() else {
        return Vec::new();
    };
    let title = match statements.len() {
        1 => first_line(&first.text),
        more => format!("{} and {} more", first_line(&first.text), more - 1),
    };
    vec![Step {
        title,
        lock: statements
            .iter()
            .map(|statement| statement.lock)
            .max()
            .unwrap_or(LockMode::None),
        rewrites: statements.iter().any(|statement| statement.rewrites),
        cost: Cost::default(),
        undo,
        action: Action::UserTransaction {
            sql: statements
                .iter()
                .map(|statement| statement.text.clone())
                .collect(),
        },
    }]
}

fn parse(planning: &Planning<'_>, text: &str, key: &str) -> Result<Vec<Statement>> {
    parse_script(text).map_err(|problem| {
        let place = planning.place(key);
        let error = Error::new(Kind::SqlSyntax, problem.message);
        let start = place.text.find(text).unwrap_or(place.span.start);
        error.at(crate::error::Place::new(
            &place.file,
            &place.text,
            start + problem.span.start..start + problem.span.end,
        ))
    })
}

/// The first line of a statement, at most 60 characters.
fn first_line(text: &str) -> String {
    let line: String = text
        .lines()
        .map(str::trim)
        .find(|line| !line.is_empty() && !line.starts_with("--"))
        .unwrap_or_default()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    match line.char_indices().nth(60) {
        Some((cut, _)) => format!("{}...", &line[..cut]),
        None => line,
    }
}
