//! `tidegate migrate verify`.

use std::fmt;

use super::command::look;
use crate::cli::App;
use crate::cli::render::{Output, Page, Report, Style};
use crate::error::{Kind, Result};
use crate::service::migrate::Verified;

/// Arguments of `migrate verify`.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub(super) async fn run(app: &App, _args: &Args) -> Result<Output> {
    let config = app.config()?;
    let (session, gathered, _) = look(app, &config).await?;
    Ok(Output::report(Verified::of(&session, &gathered).await?))
}

impl Report for Verified {
    fn kind(&self) -> &'static str {
        "migrate_verify"
    }

    fn exit(&self) -> u8 {
        if self.passed {
            0
        } else {
            Kind::Drift.policy().exit
        }
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        for finding in &self.findings {
            page.line(format!(
                "{}  {} {}: {}",
                page.styled(Style::Bad, "drift"),
                finding.change,
                finding.object,
                finding.problem
            ))?;
        }
        let word = if self.passed {
            page.styled(Style::Good, "ok")
        } else {
            page.styled(Style::Bad, "failed")
        };
        page.line(format!(
            "{word}  {} changes looked at, fingerprint {}",
            self.changes,
            self.fingerprint.get(..12).unwrap_or_default()
        ))
    }
}
