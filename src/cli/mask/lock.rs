//! `tidegate mask lock`.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use super::command::look;
use crate::cli::App;
use crate::cli::render::{Output, Page, Report};
use crate::error::Result;
use crate::masking::policy::Lock;
use crate::service::masking::{read_lock, write_lock};

/// Arguments of `mask lock`.
#[derive(Debug, clap::Args)]
pub struct Args {}

#[derive(Debug, Serialize)]
struct Locked {
    file: PathBuf,
    policy: String,
    catalog: String,
    tables: usize,
    changed: Vec<String>,
    first: bool,
}

pub(super) async fn run(app: &App, _args: &Args) -> Result<Output> {
    let looked = look(app).await?;
    let plan = looked.loaded.resolved.into_plan()?;
    let lock = Lock::of(&plan, &looked.catalog);
    let before = read_lock(&looked.config)?;
    Ok(Output::report(Locked {
        file: write_lock(&looked.config, &lock)?,
        changed: before
            .as_ref()
            .map_or_else(Vec::new, |before| before.drift(&lock)),
        first: before.is_none(),
        tables: lock.tables.len(),
        policy: lock.policy,
        catalog: lock.catalog,
    }))
}

impl Report for Locked {
    fn kind(&self) -> &'static str {
        "mask_lock"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        for line in &self.changed {
            page.line(format!("changed  {line}"))?;
        }
        page.line(format!(
            "wrote    {}: {} tables, policy {}, catalog {}",
            self.file.display(),
            self.tables,
            self.policy.get(..12).unwrap_or_default(),
            self.catalog.get(..12).unwrap_or_default()
        ))?;
        if !self.first && self.changed.is_empty() {
            page.line("         nothing had changed")?;
        }
        page.line("next:    commit it; `tidegate mask check` and copies now hold on to it")
    }
}
