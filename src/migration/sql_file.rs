//! Plain SQL changes, with an optional header comment:
//! `-- tidegate: phase=expand release=2.1.0 transaction=off`.

use std::path::Path;
use std::sync::Arc;

use super::change::{Change, SourceFile};
use super::operation::{Operation, PlainSql};
use super::{Phase, Release, Schedule};
use crate::error::{Error, Kind, Place, Result};
use crate::sql::{SyntaxProblem, parse_script};

const HEADER: &str = "tidegate:";

/// Reads a SQL change.
pub(super) fn parse(path: &Path, text: &Arc<str>, down: Option<&str>) -> Result<Change> {
    let mut operation = PlainSql {
        phase: Phase::Expand,
        up: text.replace("\r\n", "\n"),
        down: down.map(|down| down.replace("\r\n", "\n")),
        transaction: true,
    };
    let mut release = Release::first();
    let mut title = String::new();
    for (start, word) in header_words(text) {
        let place = Place::new(path, text, start..start + word.len());
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        match key {
            "phase" => operation.phase = value.parse().map_err(|error: Error| error.at(place))?,
            "release" => release = value.parse().map_err(|error: Error| error.at(place))?,
            "title" => value
                .trim_matches('"')
                .replace('_', " ")
                .clone_into(&mut title),
            "transaction" => {
                operation.transaction = on_or_off(value).ok_or_else(|| {
                    Error::new(
                        Kind::ChangeSyntax,
                        format!("transaction={value} is neither on nor off"),
                    )
                    .at(place)
                })?
            }
            _ => {
                return Err(Error::new(
                    Kind::ChangeSyntax,
                    format!("unknown key \"{key}\" in the header"),
                )
                .hint("the keys are phase, release, transaction and title")
                .at(place));
            }
        }
    }
    let wrong = |path: &Path, text: &Arc<str>, problem: SyntaxProblem| {
        Error::new(Kind::SqlSyntax, problem.message).at(Place::new(path, text, problem.span))
    };
    let statements = parse_script(text).map_err(|problem| wrong(path, text, problem))?;
    if statements.is_empty() {
        return Err(Error::new(
            Kind::ChangeValue,
            format!("{} holds no statement", path.display()),
        ));
    }
    if let Some(down) = down {
        let down_path = path.with_extension("down.sql");
        parse_script(down).map_err(|problem| wrong(&down_path, &Arc::from(down), problem))?;
    }
    Ok(Change {
        id: String::new(),
        name: String::new(),
        title,
        schedule: Schedule::at(&release),
        operations: vec![Operation::Sql(operation)],
        file: SourceFile {
            path: path.to_owned(),
            text: Arc::clone(text),
            spans: vec![vec![("up".to_owned(), 0..text.len())]],
        },
    })
}

/// The words of the header comment with their places; it stands before the first statement.
fn header_words(text: &str) -> Vec<(usize, &str)> {
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        if let Some(comment) = trimmed.strip_prefix("--") {
            if let Some(rest) = comment.trim_start().strip_prefix(HEADER) {
                let base = rest.as_ptr() as usize - text.as_ptr() as usize;
                return rest
                    .split_whitespace()
                    .map(|word| {
                        (
                            base + (word.as_ptr() as usize - rest.as_ptr() as usize),
                            word,
                        )
                    })
                    .collect();
            }
        } else if !trimmed.is_empty() {
            break;
        }
    }
    Vec::new()
}

fn on_or_off(word: &str) -> Option<bool> {
    match word {
        "on" | "true" | "yes" => Some(true),
        "off" | "false" | "no" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Change> {
        parse(Path::new("0002_x.sql"), &Arc::from(text), None)
    }

    #[test]
    fn the_header_is_optional() {
        let change = read("create table t (a int);").unwrap();
        assert_eq!(change.schedule.expand, Release::first());
        let change = read("-- made by hand\n-- tidegate: phase=contract release=2.3.0 transaction=off\ndrop table t;").unwrap();
        assert_eq!(change.schedule.contract.to_string(), "2.3.0");
        let [Operation::Sql(sql)] = change.operations.as_slice() else {
            panic!()
        };
        assert!(!sql.transaction);
        assert_eq!(sql.phase, Phase::Contract);
    }

    #[test]
    fn mistakes_in_the_header_are_placed() {
        let error = read("-- tidegate: phase=shrink\nselect 1;").unwrap_err();
        assert_eq!(error.place().unwrap().line_column(), (1, 14));
        assert!(read("-- tidegate: relase=1.0.0\nselect 1;").is_err());
    }
}
