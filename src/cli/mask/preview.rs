//! `tidegate mask preview`.

use std::fmt;

use super::command::look;
use crate::cli::App;
use crate::cli::render::{Output, Page, Report, Style};
use crate::error::{Kind, Result};
use crate::service::masking::{KeyChoice, Preview, PreviewFrom, PreviewRequest, preview, read_key};

/// Arguments of `mask preview`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The table
    table: String,
    /// Rows to show
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rows: u32,
    /// Show raw values of the source instead of their shapes; this is written to the audit log
    #[arg(long)]
    raw: bool,
    /// The epoch of the masking key, where an earlier one is still valid
    #[arg(long, value_name = "EPOCH")]
    epoch: Option<String>,
}

pub(super) async fn run(app: &App, args: &Args) -> Result<Output> {
    let looked = look(app).await?;
    let key = read_key(
        &looked.config,
        &looked.loaded.policy,
        &looked.target.environment,
        KeyChoice::of(args.epoch.as_deref()),
    )
    .await?;
    let from = PreviewFrom {
        session: &looked.session,
        target: &looked.target,
        catalog: &looked.catalog,
        plan: &looked.loaded.resolved.plan,
    };
    let request = PreviewRequest {
        table: &args.table,
        rows: args.rows,
        raw: args.raw,
    };
    Ok(Output::report(preview(from, &key, request).await?))
}

impl Report for Preview {
    fn kind(&self) -> &'static str {
        "mask_preview"
    }

    fn exit(&self) -> u8 {
        if self.columns.iter().any(|column| column.problem.is_some()) {
            Kind::MaskValue.policy().exit
        } else {
            0
        }
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let text = |value: &Option<String>| value.clone().unwrap_or_else(|| "null".to_owned());
        let mut rows = Vec::new();
        for column in &self.columns {
            let class = column.class.map_or("-", |class| class.name()).to_owned();
            let mut head = vec![
                column.column.clone(),
                class,
                column.rule.clone(),
                column.origin.clone(),
            ];
            for value in &column.values {
                let mut row = std::mem::replace(&mut head, vec![String::new(); 4]);
                row.push(text(&value.before));
                row.push(text(&value.after));
                rows.push(row);
            }
            if column.values.is_empty() {
                rows.push(head);
            }
        }
        page.table(
            &["column", "class", "rule", "from", "before", "after"],
            rows,
        )?;
        for column in &self.columns {
            if let Some(problem) = &column.problem {
                page.line(format!(
                    "{}  {}.{}: {problem}",
                    page.styled(Style::Bad, "cannot"),
                    self.table,
                    column.column
                ))?;
            }
        }
        if self.rows == 0 {
            page.line(format!("{} has no rows", self.table))?;
        }
        Ok(())
    }
}
