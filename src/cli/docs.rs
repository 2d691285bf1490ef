//! `tidegate completions`, `man` and `explain`: the documentation that the binary carries.

use std::fmt;

use clap::CommandFactory;
use serde::Serialize;

use super::args::Cli;
use super::render::{Output, Page, Report, Style};
use crate::error::{Error, Kind, Result, Retry};

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// The folder; it is made when it is not there
    dir: std::path::PathBuf,
}

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// A code such as TG0412; without one, all codes are listed
    code: Option<String>,
}

pub(super) fn completions(args: &CompletionsArgs) -> Result<Output> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "tidegate", &mut script);
    Ok(Output::raw(script))
}

pub(super) fn man(args: &ManArgs) -> Result<Output> {
    let failed = |error: std::io::Error| {
        let dir = args.dir.display();
        Error::new(
            Kind::Io,
            format!("cannot write manual pages to {dir}: {error}"),
        )
        .because(error)
    };
    std::fs::create_dir_all(&args.dir).map_err(failed)?;
    clap_mangen::generate_to(Cli::command(), &args.dir).map_err(failed)?;
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(&args.dir).map_err(failed)? {
        let name = entry
            .map_err(failed)?
            .file_name()
            .to_string_lossy()
            .into_owned();
        if name.starts_with("tidegate") && name.ends_with(".1") {
            pages.push(name);
        }
    }
    pages.sort();
    Ok(Output::report(Pages {
        dir: args.dir.clone(),
        pages,
    }))
}

pub(super) fn explain(args: &ExplainArgs) -> Result<Output> {
    let Some(wanted) = &args.code else {
        return Ok(Output::report(Codes {
            codes: Kind::ALL
                .iter()
                .map(|kind| Explained::from(*kind))
                .collect(),
        }));
    };
    let code = normal(wanted);
    match Kind::from_code(&code) {
        Some(kind) => Ok(Output::report(Explained::from(kind))),
        None => {
            let near = near(&code).join(", ");
            let error = Error::new(Kind::Usage, format!("there is no error code {wanted:?}"));
            Err(error.hint(if near.is_empty() {
                "`tidegate explain` lists all codes".to_owned()
            } else {
                format!("did you mean {near}? `tidegate explain` lists all codes")
            }))
        }
    }
}

/// `412`, `tg412` and `TG0412` name one code.
fn normal(code: &str) -> String {
    let upper = code.trim().to_ascii_uppercase();
    let digits = upper.strip_prefix("TG").unwrap_or(&upper);
    if digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.is_empty() {
        format!("TG{digits:0>4}")
    } else {
        upper
    }
}

/// The codes at most two letters away, the nearest first, three at most.
fn near(code: &str) -> Vec<&'static str> {
    let mut found: Vec<(usize, &'static str)> = Kind::ALL
        .iter()
        .map(|kind| kind.policy().code)
        .map(|known| (strsim::damerau_levenshtein(known, code), known))
        .filter(|(distance, _)| *distance <= 2)
        .collect();
    found.sort_unstable();
    found.into_iter().map(|(_, code)| code).take(3).collect()
}

#[derive(Debug, Serialize)]
struct Pages {
    dir: std::path::PathBuf,
    pages: Vec<String>,
}

impl Report for Pages {
    fn kind(&self) -> &'static str {
        "man"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let dir = self.dir.display();
        page.line(format!("{} manual pages in {dir}", self.pages.len()))?;
        page.line(format!("Read one with: man {dir}/tidegate.1"))
    }
}

#[derive(Debug, Serialize)]
struct Codes {
    codes: Vec<Explained>,
}

impl Report for Codes {
    fn kind(&self) -> &'static str {
        "explain_list"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let rows = self
            .codes
            .iter()
            .map(|code| {
                vec![
                    code.code.to_owned(),
                    code.exit.to_string(),
                    code.title.to_owned(),
                ]
            })
            .collect();
        page.table(&["Code", "Exit", "Meaning"], rows)
    }
}

#[derive(Debug, Serialize)]
struct Explained {
    code: &'static str,
    title: &'static str,
    explanation: &'static str,
    hint: &'static str,
    exit: u8,
    retry: &'static str,
}

impl From<Kind> for Explained {
    fn from(kind: Kind) -> Self {
        let policy = kind.policy();
        Self {
            code: policy.code,
            title: policy.title,
            explanation: policy.explanation,
            hint: policy.hint,
            exit: policy.exit,
            retry: match policy.retry {
                Retry::Never => "never",
                Retry::Backoff => "backoff",
                Retry::Resume => "resume",
            },
        }
    }
}

impl Report for Explained {
    fn kind(&self) -> &'static str {
        "explain"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let title = format!("{}: {}", self.code, self.title);
        let title = page.styled(Style::Strong, title);
        page.line(title)?;
        page.line("")?;
        page.paragraph(self.explanation)?;
        page.line("")?;
        page.paragraph(&format!("What to do: {}", self.hint))?;
        page.paragraph(&format!(
            "Trying again: {}",
            match self.retry {
                "backoff" => "may succeed later",
                "resume" => "the same command goes on where it stopped",
                _ => "gives the same error until something is changed",
            }
        ))?;
        page.line(format!("Exit code: {}", self.exit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_known_in_every_spelling() {
        for code in ["TG0412", "tg0412", "0412", "412", " tg412 "] {
            assert_eq!(normal(code), "TG0412");
        }
        assert_eq!(normal("lock"), "LOCK");
    }

    #[test]
    fn near_codes_are_offered() {
        let first = Kind::Internal.policy().code;
        assert!(near("TG0010").contains(&first));
        assert_eq!(near("LOCKED"), Vec::<&str>::new());
    }
}
