//! Prints results and errors, once, at the end of a command.

use std::fmt;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use serde::Serialize;

use super::diagnostic;
use super::page::Page;
use crate::cli::args::{Format, Globals};
use crate::error::{Error, Kind};

/// Version of the envelope of all JSON documents.
const SCHEMA_VERSION: u32 = 1;

/// The result of a command: one struct, printed as JSON or as a page.
pub trait Report: Serialize {
    /// The `kind` of the JSON document.
    fn kind(&self) -> &'static str;

    /// The same content for a person.
    ///
    /// # Errors
    /// Those of writing into the page.
    fn human(&self, page: &mut Page) -> fmt::Result;

    /// Exit code; not 0 when the result itself is a failed check.
    fn exit(&self) -> u8 {
        0
    }
}

/// What a command hands to the edge.
pub struct Output {
    json: serde_json::Result<serde_json::Value>,
    human: Human,
    exit: u8,
}

enum Human {
    Report(Box<dyn FnOnce(&mut Page) -> fmt::Result>),
    Raw(Vec<u8>),
}

impl fmt::Debug for Output {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Output")
            .field("exit", &self.exit)
            .finish_non_exhaustive()
    }
}

impl Output {
    /// A report that can be printed both ways.
    pub fn report(report: impl Report + 'static) -> Self {
        Self {
            json: serde_json::to_value(&report).map(|data| {
                serde_json::json!({
                    "schema_version": SCHEMA_VERSION,
                    "kind": report.kind(),
                    "data": data,
                })
            }),
            exit: report.exit(),
            human: Human::Report(Box::new(move |page| report.human(page))),
        }
    }

    /// Bytes that are printed as they are in every format (a completion script, a URL).
    pub fn raw(bytes: impl Into<Vec<u8>>) -> Self {
        Self {
            json: Ok(serde_json::Value::Null),
            human: Human::Raw(bytes.into()),
            exit: 0,
        }
    }

    /// The same output with another exit code.
    #[must_use]
    pub fn with_exit(mut self, exit: u8) -> Self {
        self.exit = exit;
        self
    }

    /// Nothing on stdout, and this exit code.
    #[must_use]
    pub fn exit_only(exit: u8) -> Self {
        Self {
            json: Ok(serde_json::Value::Null),
            human: Human::Raw(Vec::new()),
            exit,
        }
    }
}

/// Prints the result on stdout and returns the exit code.
pub fn print(output: &mut Output, globals: &Globals) -> ExitCode {
    let exit = output.exit;
    let human = std::mem::replace(&mut output.human, Human::Raw(Vec::new()));
    let bytes = match (human, globals.format) {
        (Human::Raw(bytes), _) => bytes,
        (Human::Report(_), Format::Json) => match &output.json {
            Ok(json) => format!("{json:#}\n").into_bytes(),
            Err(error) => {
                return print_error(&Error::new(Kind::Internal, error.to_string()), globals);
            }
        },
        (Human::Report(write), _) => {
            let mut page = Page::new(colours(globals, &std::io::stdout()), width());
            if write(&mut page).is_err() {
                return print_error(
                    &Error::new(Kind::Internal, "a report could not be written"),
                    globals,
                );
            }
            page.finish().into_bytes()
        }
    };
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(&bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::from(exit),
    }
}

/// Prints the error on stderr and returns its exit code.
pub fn print_error(error: &Error, globals: &Globals) -> ExitCode {
    let text = if globals.format == Format::Json {
        format!("{}\n", diagnostic::json(error, SCHEMA_VERSION))
    } else {
        diagnostic::human(error, colours(globals, &std::io::stderr()))
    };
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
    ExitCode::from(error.kind().policy().exit)
}

/// The parser's message as one line: everything before the usage and the tips, which follow an empty
/// line.
fn said(text: &str) -> String {
    let lines: Vec<&str> = text
        .trim_start_matches("error: ")
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    lines.join(" ")
}

/// Prints what the argument parser has to say: help and version on stdout with exit code 0,
/// anything else as a usage error (a JSON document when `--format json` stands on the line).
pub fn usage(error: &clap::Error, json: bool) -> ExitCode {
    if json && error.use_stderr() {
        let text = error.render().to_string();
        let error = Error::new(Kind::Usage, said(&text));
        let text = diagnostic::json(&error, SCHEMA_VERSION);
        let _ = writeln!(std::io::stderr().lock(), "{text}");
    } else {
        let _ = error.print();
    }
    ExitCode::from(if error.use_stderr() {
        Kind::Usage.policy().exit
    } else {
        0
    })
}

fn colours(globals: &Globals, stream: &impl IsTerminal) -> bool {
    !globals.no_color
        && stream.is_terminal()
        && anstream::ColorChoice::global() != anstream::ColorChoice::Never
        && !crate::config::no_color()
        && !crate::config::dumb_terminal()
}

fn width() -> usize {
    rustix::termios::tcgetwinsize(std::io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
        .filter(|columns| *columns >= 40)
        .unwrap_or(100)
}
