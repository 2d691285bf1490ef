//! SQL that users write: split into statements, checked for syntax, classified by its lock.
//!
//! The parser is `squawk-syntax`; it knows PostgreSQL's whole grammar but is lenient, so the
//! server stays the last judge.

use std::ops::Range;

use serde::{Deserialize, Serialize};
use squawk_syntax::SourceFile;
use squawk_syntax::ast::{self, AstNode};

use super::LockMode;

/// One statement of a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statement {
    /// Its text, without the final semicolon.
    pub text: String,
    /// The strongest lock it is known to take on a table that exists already.
    pub lock: LockMode,
    /// Whether PostgreSQL lets it run inside a transaction block.
    pub transactional: bool,
    /// Whether it rewrites a whole table.
    pub rewrites: bool,
}

/// Something the parser did not understand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyntaxProblem {
    /// Byte range inside the script.
    pub span: Range<usize>,
    /// The parser's words.
    pub message: String,
}

/// Splits `text` into statements.
///
/// # Errors
/// The first thing the parser did not understand.
pub fn parse_script(text: &str) -> Result<Vec<Statement>, SyntaxProblem> {
    let parse = SourceFile::parse(text);
    if let Some(error) = parse.errors().first() {
        let range = error.range();
        return Err(SyntaxProblem {
            span: usize::from(range.start())..usize::from(range.end()),
            message: error.message().to_owned(),
        });
    }
    Ok(parse
        .tree()
        .stmts()
        .filter(|statement| !matches!(statement, ast::Stmt::EmptyStmt(_)))
        .map(|statement| classify(&statement))
        .collect())
}

/// Checks that `text` is one scalar expression, such as `lower(email)` or `select id from t`.
///
/// # Errors
/// What the parser did not understand, with its place inside `text`.
pub fn check_expression(text: &str) -> Result<(), SyntaxProblem> {
    const HEAD: &str = "select (";
    let script = format!("{HEAD}{text}\n)");
    let problem = |span: Range<usize>, message: String| SyntaxProblem {
        span: span.start.saturating_sub(HEAD.len()).min(text.len())
            ..span.end.saturating_sub(HEAD.len()).min(text.len()),
        message,
    };
    match parse_script(&script) {
        Ok(statements) if statements.len() == 1 => Ok(()),
        Ok(_) => Err(problem(
            HEAD.len()..script.len(),
            "expected one expression".to_owned(),
        )),
        Err(error) => Err(problem(error.span, error.message)),
    }
}

fn classify(statement: &ast::Stmt) -> Statement {
    let text = statement.syntax().text().to_string();
    let text = text.trim().trim_end_matches(';').trim_end().to_owned();
    let concurrently = has_word(&text, "concurrently");
    let (lock, transactional, rewrites) = match statement {
        ast::Stmt::CreateIndex(_) | ast::Stmt::Reindex(_) | ast::Stmt::DropIndex(_)
            if concurrently =>
        {
            (LockMode::ShareUpdateExclusive, false, false)
        }
        ast::Stmt::CreateIndex(_) => (LockMode::Share, true, false),
        ast::Stmt::AlterTable(_) => alter_table(&text),
        ast::Stmt::CreateTrigger(_) => (LockMode::ShareRowExclusive, true, false),
        ast::Stmt::DropIndex(_)
        | ast::Stmt::DropTable(_)
        | ast::Stmt::DropTrigger(_)
        | ast::Stmt::DropView(_)
        | ast::Stmt::DropMaterializedView(_)
        | ast::Stmt::CreatePolicy(_)
        | ast::Stmt::AlterPolicy(_)
        | ast::Stmt::DropPolicy(_)
        | ast::Stmt::CreateRule(_)
        | ast::Stmt::DropRule(_)
        | ast::Stmt::Truncate(_)
        | ast::Stmt::Lock(_)
        | ast::Stmt::Reindex(_)
        | ast::Stmt::Do(_)
        | ast::Stmt::Call(_) => (LockMode::AccessExclusive, true, false),
        ast::Stmt::Cluster(_) => (LockMode::AccessExclusive, true, true),
        ast::Stmt::Vacuum(_) if has_word(&text, "full") => (LockMode::AccessExclusive, false, true),
        ast::Stmt::Vacuum(_) => (LockMode::ShareUpdateExclusive, false, false),
        ast::Stmt::Refresh(_) if concurrently => (LockMode::Exclusive, true, false),
        ast::Stmt::Refresh(_) => (LockMode::AccessExclusive, true, true),
        ast::Stmt::Analyze(_) | ast::Stmt::CreateStatistics(_) => {
            (LockMode::ShareUpdateExclusive, true, false)
        }
        ast::Stmt::Update(_)
        | ast::Stmt::Delete(_)
        | ast::Stmt::Insert(_)
        | ast::Stmt::Merge(_)
        | ast::Stmt::Copy(_) => (LockMode::RowExclusive, true, false),
        ast::Stmt::CreateDatabase(_)
        | ast::Stmt::DropDatabase(_)
        | ast::Stmt::CreateTablespace(_)
        | ast::Stmt::DropTablespace(_)
        | ast::Stmt::AlterSystem(_) => (LockMode::None, false, false),
        _ => (LockMode::None, true, false),
    };
    Statement {
        text,
        lock,
        transactional,
        rewrites,
    }
}

/// `ALTER TABLE` takes ACCESS EXCLUSIVE but for a few forms.
/// <https://www.postgresql.org/docs/current/sql-altertable.html>
fn alter_table(text: &str) -> (LockMode, bool, bool) {
    let validates = has_word(text, "validate") && !has_word(text, "add");
    if validates {
        return (LockMode::ShareUpdateExclusive, true, false);
    }
    if has_word(text, "detach") && has_word(text, "concurrently") {
        return (LockMode::ShareUpdateExclusive, false, false);
    }
    if has_word(text, "foreign") && has_word(text, "add") && !has_word(text, "column") {
        return (LockMode::ShareRowExclusive, true, false);
    }
    let rewrites = has_word(text, "type") && has_word(text, "alter")
        || has_word(text, "set") && (has_word(text, "logged") || has_word(text, "unlogged"));
    (LockMode::AccessExclusive, true, rewrites)
}

/// Whether `word` stands in `text` outside quotes, as a word of its own, in any case.
fn has_word(text: &str, word: &str) -> bool {
    let mut quoted = None;
    let mut current = String::new();
    for character in text.chars().chain([' ']) {
        match quoted {
            Some(quote) => {
                if character == quote {
                    quoted = None;
                }
            }
            None if character == '\'' || character == '"' => quoted = Some(character),
            None if character.is_alphanumeric() || character == '_' => current.push(character),
            None => {
                if current.eq_ignore_ascii_case(word) {
                    return true;
                }
                current.clear();
            }
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Statement {
        let mut statements = parse_script(text).unwrap();
        assert_eq!(statements.len(), 1, "{statements:?}");
        statements.remove(0)
    }

    #[test]
    fn splits_at_semicolons_but_not_inside_bodies() {
        let script = "create function f() returns int language sql as $$ select 1; $$;\n\
            insert into t values ('a;b'); -- c;d\n;";
        let statements = parse_script(script).unwrap();
        assert_eq!(statements.len(), 2);
        assert_eq!(statements[1].text, "insert into t values ('a;b')");
    }

    #[test]
    fn knows_what_cannot_run_in_a_transaction() {
        let index = one("create index concurrently i on t (a)");
        assert!(!index.transactional);
        assert_eq!(index.lock, LockMode::ShareUpdateExclusive);
        assert!(one("create index i on t (a)").transactional);
        assert!(!one("vacuum t").transactional);
    }

    #[test]
    fn locks_of_alter_table() {
        assert_eq!(
            one("alter table t validate constraint c").lock,
            LockMode::ShareUpdateExclusive
        );
        assert!(one("alter table t alter column a type bigint").rewrites);
        assert_eq!(
            one("alter table t add constraint f foreign key (a) references u not valid").lock,
            LockMode::ShareRowExclusive
        );
        assert_eq!(
            one("alter table t add column \"validate\" int").lock,
            LockMode::AccessExclusive
        );
    }

    #[test]
    fn errors_point_at_the_place() {
        let error = parse_script("select 1;\nselect from from;").unwrap_err();
        assert!(error.span.start >= 10, "{error:?}");
        assert!(check_expression("lower(email").is_err());
        assert!(check_expression("1); drop table t; select (2").is_err());
        assert!(check_expression("select u.id from users u -- all of them").is_ok());
    }
}
