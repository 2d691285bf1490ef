//! `tidegate mask check`.

use std::fmt;

use serde::Serialize;

use super::command::look;
use crate::cli::App;
use crate::cli::render::{Output, Page, Report, Style};
use crate::error::{Kind, Result};
use crate::masking::policy::{Lock, Uncovered};
use crate::service::masking::read_lock;

/// Arguments of `mask check`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Look at the columns of the database alone, not at those that pending changes will add
    #[arg(long)]
    no_migrations: bool,
}

#[derive(Debug, Serialize)]
struct Checked {
    passed: bool,
    tables: usize,
    columns: usize,
    masked: usize,
    kept: usize,
    unclassified: usize,
    uncovered: Vec<Uncovered>,
    locked: bool,
    drift: Vec<String>,
    policy_hash: String,
}

pub(super) async fn run(app: &App, args: &Args) -> Result<Output> {
    let looked = look(app).await?;
    let mut resolved = looked.loaded.resolved;
    if args.no_migrations {
        resolved.pending.clear();
    }
    let lock = read_lock(&looked.config)?;
    let drift = lock.as_ref().map_or_else(Vec::new, |lock| {
        lock.drift(&Lock::of(&resolved.plan, &looked.catalog))
    });
    let plan = &resolved.plan;
    let columns = || plan.tables.iter().flat_map(|table| &table.columns);
    let kept = columns().filter(|column| column.rule.is_keep()).count();
    Ok(Output::report(Checked {
        passed: resolved.is_complete() && drift.is_empty(),
        tables: plan.tables.len(),
        columns: columns().count(),
        masked: columns().count() - kept,
        kept,
        unclassified: plan.unclassified.len(),
        locked: lock.is_some(),
        drift,
        policy_hash: plan.policy_hash.clone(),
        uncovered: resolved
            .uncovered
            .into_iter()
            .chain(resolved.pending)
            .collect(),
    }))
}

impl Report for Checked {
    fn kind(&self) -> &'static str {
        "mask_check"
    }

    fn exit(&self) -> u8 {
        if self.passed {
            0
        } else {
            Kind::MaskUnclassified.policy().exit
        }
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let word = |good: bool| if good { Style::Good } else { Style::Bad };
        if !self.uncovered.is_empty() {
            page.line(page.styled(Style::Strong, "No rule covers"))?;
            let rows =
                self.uncovered
                    .iter()
                    .map(|column| {
                        vec![
                            format!("{}.{}", column.table, column.column),
                            column.data_type.clone(),
                            column.class.map_or("-", |class| class.name()).to_owned(),
                            column.added_by.as_ref().map_or_else(String::new, |file| {
                                format!("will be added by {file}")
                            }),
                        ]
                    })
                    .collect();
            page.table(&["column", "type", "looks like", ""], rows)?;
            page.line("")?;
            page.line("Write into a file below masking-rules/ (or pii = into the change file):")?;
            let mut section = "";
            for column in &self.uncovered {
                if column.section != section {
                    section = &column.section;
                    page.line(format!("  {section}"))?;
                }
                page.line(format!("  {}", column.remedy))?;
            }
            page.line("")?;
        }
        if !self.drift.is_empty() {
            page.line(page.styled(Style::Strong, "Not as in masking-rules/mask.lock"))?;
            for line in &self.drift {
                page.line(format!("  {line}"))?;
            }
            page.line("  review this, then run `tidegate mask lock`")?;
            page.line("")?;
        }
        page.line(format!(
            "{}  {} columns of {} tables: {} masked, {} kept{}{}",
            page.styled(word(self.passed), if self.passed { "ok" } else { "failed" }),
            self.columns,
            self.tables,
            self.masked,
            self.kept,
            if self.unclassified > 0 {
                format!(", {} of them without a rule", self.unclassified)
            } else {
                String::new()
            },
            if self.locked { "" } else { "; not locked" },
        ))
    }
}
