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
    /// `CREATE INDEX CONCURRENTLY name ON table`: the name and the table, as they are written.
    pub builds: Option<(String, String)>,
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
    let tree = parse.tree();
    let mut statements = Vec::new();
    for statement in tree.stmts() {
        if matches!(statement, ast::Stmt::EmptyStmt(_)) {
            continue;
        }
        if ends_transaction(&statement) {
            let range = statement.syntax().text_range();
            return Err(SyntaxProblem {
                span: usize::from(range.start())..usize::from(range.end()),
                message:
                    "Tidegate opens and ends transactions itself, so that a script and its entry \
                          in the ledger are one; leave such statements out"
                        .to_owned(),
            });
        }
        statements.push(classify(&statement));
    }
    Ok(statements)
}

/// Whether the statement begins or ends a transaction, which would part a script from its entry in
/// the ledger.
fn ends_transaction(statement: &ast::Stmt) -> bool {
    match statement {
        ast::Stmt::Begin(_) | ast::Stmt::Commit(_) | ast::Stmt::PrepareTransaction(_) => true,
        ast::Stmt::Rollback(rollback) => !matches!(rollback, ast::Rollback::RollbackToSavepoint(_)),
        _ => false,
    }
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
        builds: match statement {
            ast::Stmt::CreateIndex(index) if concurrently => built(index),
            _ => None,
        },
    }
}

/// Name and table of an index that is built concurrently.
fn built(index: &ast::CreateIndex) -> Option<(String, String)> {
    let name = index.index()?.syntax().text().to_string();
    let table = index.table_relation_name()?.syntax().text().to_string();
    let table = table.trim();
    let table = match table.get(..5) {
        Some(only) if only.eq_ignore_ascii_case("only ") => table.get(5..).unwrap_or_default(),
        _ => table,
    };
    Some((name.trim().to_owned(), table.trim().to_owned()))
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
        assert_eq!(index.builds, Some(("i".to_owned(), "t".to_owned())));
        let odd = one("create unique index concurrently if not exists \"I\" on only s.\"T\" (a)");
        assert_eq!(odd.builds, Some(("\"I\"".to_owned(), "s.\"T\"".to_owned())));
        assert_eq!(one("create index concurrently on t (a)").builds, None);
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
    fn a_script_does_not_end_its_transaction() {
        for text in [
            "begin",
            "start transaction",
            "commit",
            "end",
            "rollback",
            "abort",
        ] {
            let error = parse_script(&format!("select 1;\n{text};")).unwrap_err();
            assert_eq!(error.span.start, 10, "{text}");
        }
        // A body that has a BEGIN of its own, and a savepoint, stay inside.
        assert!(parse_script("do $$ begin perform 1; end $$; savepoint a; rollback to a").is_ok());
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
