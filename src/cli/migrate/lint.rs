//! `tidegate migrate lint`: for now, whether the files can be read and their SQL parses.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::cli::App;
use crate::cli::args::Format;
use crate::cli::render::{Output, Page, Report, Style};
use crate::error::{Error, Result};
use crate::migration::{Change, in_order};
use crate::service::migrate::load_change;

/// Arguments of `migrate lint`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The files; all of the project without them
    files: Vec<PathBuf>,
}

#[derive(Debug, Serialize)]
struct Lint {
    files: usize,
    violations: Vec<Violation>,
}

#[derive(Debug, Serialize)]
struct Violation {
    rule: &'static str,
    message: String,
    hint: String,
    file: PathBuf,
    line: usize,
    column: usize,
}

impl Report for Lint {
    fn kind(&self) -> &'static str {
        "migrate_lint"
    }

    fn exit(&self) -> u8 {
        if self.violations.is_empty() { 0 } else { 5 }
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        for violation in &self.violations {
            page.line(format!(
                "{} {}:{}:{}: {} [{}]",
                page.styled(Style::Bad, "error"),
                violation.file.display(),
                violation.line,
                violation.column,
                violation.message,
                violation.rule
            ))?;
            page.line(format!("  help: {}", violation.hint))?;
        }
        page.line(format!(
            "{} files, {} violations",
            self.files,
            self.violations.len()
        ))
    }
}

pub(super) fn run(app: &App, args: &Args) -> Result<Output> {
    let files = if args.files.is_empty() {
        project_files(&app.config()?.migrations_dir())?
    } else {
        args.files.clone()
    };
    let mut lint = Lint {
        files: files.len(),
        violations: Vec::new(),
    };
    let mut changes: Vec<Change> = Vec::new();
    for file in &files {
        match load_change(file) {
            Ok(change) => changes.push(change),
            Err(error) => lint.violations.push(violation(file, &error)),
        }
    }
    if let Err(error) = in_order(changes) {
        lint.violations.push(violation(&PathBuf::new(), &error));
    }
    match app.globals.format {
        Format::Github => Ok(Output::raw(github(&lint)).with_exit(lint.exit())),
        Format::Sarif => Ok(Output::raw(sarif(&lint)).with_exit(lint.exit())),
        Format::Human | Format::Json => Ok(Output::report(lint)),
    }
}

fn project_files(dir: &std::path::Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if name.ends_with(".toml") || name.ends_with(".sql") && !name.ends_with(".down.sql") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn violation(file: &std::path::Path, error: &Error) -> Violation {
    let (line, column) = error
        .place()
        .map_or((1, 1), crate::error::Place::line_column);
    Violation {
        rule: error.kind().policy().code,
        message: error.to_string(),
        hint: error.hint_text().to_owned(),
        file: error
            .place()
            .map_or_else(|| file.to_owned(), |place| place.file.clone()),
        line,
        column,
    }
}

/// <https://docs.github.com/actions/reference/workflow-commands-for-github-actions>
fn github(lint: &Lint) -> String {
    lint.violations
        .iter()
        .map(|violation| {
            format!(
                "::error file={},line={},col={},title={}::{}\n",
                violation.file.display(),
                violation.line,
                violation.column,
                violation.rule,
                violation.message.replace('\n', "%0A")
            )
        })
        .collect()
}

/// <https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html>
fn sarif(lint: &Lint) -> String {
    let results: Vec<serde_json::Value> = lint
        .violations
        .iter()
        .map(|violation| {
            serde_json::json!({
                "ruleId": violation.rule,
                "level": "error",
                "message": { "text": violation.message },
                "locations": [{ "physicalLocation": {
                    "artifactLocation": { "uri": violation.file },
                    "region": { "startLine": violation.line, "startColumn": violation.column }
                } }]
            })
        })
        .collect();
    let log = serde_json::json!({
        "version": "2.1.0",
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "runs": [{
            "tool": { "driver": { "name": "tidegate", "version": env!("CARGO_PKG_VERSION") } },
            "results": results
        }]
    });
    format!("{log:#}\n")
}
