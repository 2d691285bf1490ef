//! What the commands print.

use std::fmt;

use serde::Serialize;

use super::super::render::{Page, Report, Style};
use crate::error::Result;
use crate::generate::{Parent, SeedPlan};
use crate::recovery::{bytes, seconds};
use crate::service::seed::{Forecast, Outcome, Reset, Template};

/// `seed plan`.
#[derive(Debug, Serialize)]
pub(super) struct Planned {
    hash: String,
    #[serde(flatten)]
    plan: SeedPlan,
    forecast: Forecast,
}

impl Planned {
    pub(super) fn new(plan: SeedPlan, forecast: Forecast) -> Result<Self> {
        Ok(Self {
            hash: plan.hash()?,
            plan,
            forecast,
        })
    }
}

impl Report for Planned {
    fn kind(&self) -> &'static str {
        "seed_plan"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let plan = &self.plan;
        page.line(format!(
            "{}   {} tables, {} rows, seed {}, about {} and {} with {} workers",
            plan.database,
            plan.tables.len(),
            plan.rows(),
            plan.seed,
            bytes(self.forecast.bytes),
            seconds(self.forecast.seconds),
            self.forecast.workers
        ))?;
        for (table, size) in plan.tables.iter().zip(&self.forecast.tables) {
            page.line(format!(
                "{}  {} rows, about {}",
                page.styled(Style::Good, table.name.plain()),
                table.rows,
                bytes(size.bytes)
            ))?;
            let rows = table.columns.iter().map(|column| {
                vec![
                    format!("  {}", column.name.as_str()),
                    column.reason.clone(),
                    share(column.nulls),
                ]
            });
            let derived = table.derived.iter().map(|derived| {
                let why = format!("by the server: {}", derived.expression);
                vec![format!("  {}", derived.name.as_str()), why, String::new()]
            });
            page.table(&["  Column", "Why", ""], rows.chain(derived).collect())?;
            for pick in &table.picks {
                let parent = match &pick.parent {
                    Parent::Planned { table, .. } => plan
                        .tables
                        .get(*table)
                        .map_or_else(String::new, |table| table.name.plain()),
                    Parent::Existing { table, rows, .. } => {
                        format!("{} ({rows} rows that are there)", table.plain())
                    }
                };
                page.line(format!(
                    "  {} {parent}  {}",
                    page.styled(Style::Faint, "refers to"),
                    pick.serves.join(", ")
                ))?;
            }
        }
        notes(page, &plan.notes)?;
        page.line(format!("plan {}", self.hash))
    }
}

fn share(nulls: f64) -> String {
    if nulls > 0.0 {
        format!("{:.0} % null", nulls * 100.0)
    } else {
        String::new()
    }
}

fn notes(page: &mut Page, notes: &[String]) -> fmt::Result {
    for note in notes {
        page.line(format!("{}  {note}", page.styled(Style::Waiting, "note")))?;
    }
    Ok(())
}

impl Report for Outcome {
    fn kind(&self) -> &'static str {
        "seed_run"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let rows = self.tables.iter().map(|table| {
            vec![
                table.table.clone(),
                table.rows.to_string(),
                table.digest.clone(),
            ]
        });
        page.table(&["Table", "Rows", "Digest"], rows.collect())?;
        notes(page, &self.notes)?;
        if self.already {
            return page.line(format!(
                "run {} of the same request had ended: {} rows, seed {}; nothing was written. Looked at: {}",
                self.run,
                self.rows,
                self.seed,
                self.looked_at.join(", ")
            ));
        }
        let word = if self.resumed {
            "went on with run"
        } else {
            "run"
        };
        page.line(format!(
            "{word} {}: {} rows, {:.1} MB in {:.1} s, {:.1} s in all; seed {}",
            self.run,
            self.rows,
            self.bytes as f64 / 1e6,
            self.load_seconds,
            self.seconds,
            self.seed
        ))?;
        page.line("every constraint and index is in place, foreign keys are validated")
    }
}

/// `seed run --abandon`.
#[derive(Debug, Serialize)]
pub(super) struct Abandoned {
    abandoned: bool,
    notes: Vec<String>,
}

impl Abandoned {
    pub(super) fn new(remarks: Option<Vec<String>>) -> Self {
        Self {
            abandoned: remarks.is_some(),
            notes: remarks.unwrap_or_default(),
        }
    }
}

impl Report for Abandoned {
    fn kind(&self) -> &'static str {
        "seed_abandon"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        notes(page, &self.notes)?;
        page.line(if self.abandoned {
            "the unfinished run is taken back"
        } else {
            "no run is unfinished"
        })
    }
}

impl Report for Reset {
    fn kind(&self) -> &'static str {
        "seed_reset"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        page.line(format!(
            "{} is as template \"{}\" was saved; {:.1} s, of which the clone {:.1} s",
            self.database, self.template, self.seconds, self.clone_seconds
        ))
    }
}

/// `seed template`.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    pub(super) templates: Vec<Template>,
}

impl Report for Listed {
    fn kind(&self) -> &'static str {
        "seed_templates"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        if self.templates.is_empty() {
            return page.line("No templates.");
        }
        let rows = self.templates.iter().map(|template| {
            vec![
                template.name.clone(),
                template.at.clone(),
                format!("{:.1} MB", template.bytes as f64 / 1e6),
                template.database.as_str().to_owned(),
            ]
        });
        page.table(&["Template", "Saved", "Size", "Database"], rows.collect())
    }
}
