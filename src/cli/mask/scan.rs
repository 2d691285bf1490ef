//! `tidegate mask scan`.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::cli::App;
use crate::cli::render::{Output, Page, Report, Style};
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::service::scan::{Scan, ScannedColumn, Tools, scan};

/// Arguments of `mask scan`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Rows to look at in each table, at most
    #[arg(long, value_name = "N", default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    sample: u32,
    /// Write the draft of a policy into this file; an existing one is replaced with --yes alone
    #[arg(long, value_name = "FILE")]
    write: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct ScanReport {
    #[serde(flatten)]
    scan: Scan,
    /// The file with the draft.
    written: Option<PathBuf>,
}

pub(super) async fn run(app: &App, args: &Args) -> Result<Output> {
    // Refused before the work, not after it.
    if let Some(file) = &args.write {
        refuse_existing(file, app.globals.yes)?;
    }
    let config = app.config()?;
    let target = app.target(&config).await?;
    let session = Session::connect(&target, "scan").await?;
    let tools = Tools {
        events: app.events.clone(),
        cancel: app.cancel.clone(),
    };
    // At most 100,000: fits everywhere.
    let found = scan(&session, args.sample as usize, &tools).await?;
    if let Some(file) = &args.write {
        write(file, &found.draft, app.globals.yes)?;
    }
    Ok(Output::report(ScanReport {
        scan: found,
        written: args.write.clone(),
    }))
}

fn refuse_existing(file: &Path, yes: bool) -> Result<()> {
    if file.exists() && !yes {
        return Err(
            Error::new(Kind::Usage, format!("{} is there already", file.display()))
                .hint("name another file, or replace it with --yes"),
        );
    }
    Ok(())
}

fn write(file: &Path, text: &str, replace: bool) -> Result<()> {
    use std::io::Write as _;
    let mut options = std::fs::OpenOptions::new();
    options.write(true);
    if replace {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    options
        .open(file)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|error| {
            Error::new(
                Kind::Io,
                format!("cannot write {}: {error}", file.display()),
            )
        })
}

impl Report for ScanReport {
    fn kind(&self) -> &'static str {
        "mask-scan"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let found: Vec<&ScannedColumn> = self
            .scan
            .columns
            .iter()
            .filter(|c| c.class.is_some())
            .collect();
        let rows = found
            .iter()
            .map(|column| {
                vec![
                    format!("{}.{}", column.table, column.column),
                    column
                        .class
                        .map_or_else(String::new, |class| class.to_string()),
                    format!("{:.2}", column.confidence),
                    column.reason.clone(),
                ]
            })
            .collect();
        if !found.is_empty() {
            page.table(&["Column", "Class", "Sure", "Why"], rows)?;
            page.line("")?;
        }
        page.line(format!(
            "{} of {} columns in {} tables hold personal data; {} rows looked at",
            found.len(),
            self.scan.columns.len(),
            self.scan.tables,
            self.scan.rows_sampled
        ))?;
        for left in &self.scan.not_sampled {
            let what = if left.columns.is_empty() {
                left.table.clone()
            } else {
                format!("{} ({})", left.table, left.columns.join(", "))
            };
            let line = page.styled(
                Style::Waiting,
                format!("by name alone: {what}: {}", left.reason),
            );
            page.line(line)?;
        }
        match &self.written {
            Some(file) => page.line(format!("draft  {}", file.display())),
            None => page.line("next:  tidegate mask scan --write masking-rules/draft.toml"),
        }
    }
}
