//! `tidegate diff`.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::App;
use super::render::{Output, Page, Report, Style};
use crate::config::{Config, Overrides, Target};
use crate::diff::{Comparison, Difference, RowDiff, TableDiff};
use crate::error::{Error, Kind, Result};
use crate::service::diff::{Selection, Watch, between};

/// Arguments of `diff`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The side that is right: an environment, or a connection URL
    source: String,
    /// The side that should be equal to it
    target: String,
    /// Compare this table only; a=b compares a of the source with b of the target; may be repeated
    #[arg(long = "table", value_name = "TABLE")]
    tables: Vec<String>,
    /// Compare only rows for which this SQL condition holds, on both sides
    #[arg(long = "where", value_name = "SQL")]
    condition: Option<String>,
    /// Name the rows that differ, by their keys, and the columns; no other values are shown
    #[arg(long)]
    deep: bool,
}

pub(super) async fn run(app: &App, args: &Args) -> Result<Output> {
    let source = side(app, &args.source).await?;
    let target = side(app, &args.target).await?;
    let selection = Selection {
        tables: args.tables.clone(),
        condition: args.condition.clone(),
        deep: args.deep,
    };
    let watch = Watch {
        clock: Arc::clone(&app.clock),
        events: Arc::clone(&app.events),
        cancel: app.cancel.clone(),
    };
    let found = between(&source, &target, &selection, &watch).await?;
    Ok(Output::report(DiffReport {
        source: name(&args.source, &source),
        target: name(&args.target, &target),
        deep: args.deep,
        found,
    }))
}

/// A connection string rather than the name of an environment.
fn is_url(words: &str) -> bool {
    words.contains("://") || words.contains('=')
}

async fn side(app: &App, words: &str) -> Result<Target> {
    let (environment, database_url) = if is_url(words) {
        (None, Some(words.to_owned()))
    } else {
        (Some(words.to_owned()), None)
    };
    let config = Config::load(&Overrides {
        file: app.globals.config.clone(),
        environment: environment.clone(),
        database_url,
    })?;
    let target = config.environment(environment.as_deref())?.target(&config);
    tokio::select! {
        biased;
        () = app.cancel.cancelled() => Err(Error::new(Kind::Cancelled, "interrupted")),
        target = target => target,
    }
}

/// What a side is called in the result: never with its user or password.
fn name(words: &str, target: &Target) -> String {
    if is_url(words) {
        target.label()
    } else {
        words.to_owned()
    }
}

#[derive(Debug, Serialize)]
struct DiffReport {
    source: String,
    target: String,
    #[serde(skip)]
    deep: bool,
    #[serde(flatten)]
    found: Comparison,
}

impl Report for DiffReport {
    fn kind(&self) -> &'static str {
        "diff"
    }

    fn exit(&self) -> u8 {
        if self.found.equal {
            0
        } else {
            Kind::DataDiffers.policy().exit
        }
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let rows = self
            .found
            .tables
            .iter()
            .map(|table| line(page, table))
            .collect();
        page.table(
            &[
                "Table",
                "",
                "Source",
                "Target",
                "Different",
                "Missing",
                "Extra",
            ],
            rows,
        )?;
        for table in &self.found.tables {
            for remark in &table.remarks {
                page.line(format!("{}: {remark}", title(table)))?;
            }
        }
        for table in self.found.tables.iter().filter(|table| !table.equal) {
            self.rows(page, table)?;
        }
        let all = match self.found.tables.len() {
            1 => "1 table".to_owned(),
            count => format!("{count} tables"),
        };
        let unequal = self
            .found
            .tables
            .iter()
            .filter(|table| !table.equal)
            .count();
        let (source, target) = (&self.source, &self.target);
        if unequal == 0 {
            let word = page.styled(Style::Good, "equal");
            return page.line(format!("{word}  {source} and {target}: {all}"));
        }
        let word = page.styled(Style::Bad, "different");
        page.line(format!("{word}  {source} and {target}: {unequal} of {all}"))?;
        if self.deep {
            return Ok(());
        }
        page.line("See the rows and columns with --deep.")
    }
}

impl DiffReport {
    fn rows(&self, page: &mut Page, table: &TableDiff) -> fmt::Result {
        let all = table.different + table.missing + table.extra;
        if !self.deep || all == 0 {
            return Ok(());
        }
        let title = title(table);
        if table.key.is_empty() {
            return page.line(format!("{title}: both sides share no key to name rows by"));
        }
        for row in &table.rows {
            page.line(format!("{title}: {}", words(table, row)))?;
        }
        let more = all.saturating_sub(table.rows.len() as u64);
        if more > 0 {
            page.line(format!("{title}: and {more} more rows"))?;
        }
        Ok(())
    }
}

fn title(table: &TableDiff) -> String {
    match &table.target_table {
        Some(target) => format!("{} = {target}", table.table),
        None => table.table.clone(),
    }
}

fn line(page: &Page, table: &TableDiff) -> Vec<String> {
    let verdict = if table.equal {
        page.styled(Style::Good, "equal")
    } else {
        page.styled(Style::Bad, "different")
    };
    let mut cells = vec![title(table), verdict];
    cells.extend(
        [
            table.rows_source,
            table.rows_target,
            table.different,
            table.missing,
            table.extra,
        ]
        .map(|count| count.to_string()),
    );
    cells
}

fn words(table: &TableDiff, row: &RowDiff) -> String {
    let key: Vec<String> = table
        .key
        .iter()
        .zip(&row.key)
        .map(|(column, value)| format!("{}={value}", column.as_str()))
        .collect();
    let key = key.join(" ");
    match row.difference {
        Difference::Missing => format!("{key} is missing"),
        Difference::Extra => format!("{key} is extra"),
        Difference::Different => {
            let columns: Vec<&str> = row.columns.iter().map(|column| column.as_str()).collect();
            format!("{key} differs in {}", columns.join(", "))
        }
    }
}
