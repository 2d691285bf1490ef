//! `tidegate migrate status` and `history`.

use std::fmt;

use serde::Serialize;

use super::command::look;
use crate::cli::App;
use crate::cli::render::{Output, Page, Report, Style};
use crate::error::Result;
use crate::service::migrate::{ChangeStatus, Evidence, HistoryItem};

/// Arguments of `migrate status`.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {}

/// Arguments of `migrate history`.
#[derive(Debug, clap::Args)]
pub struct HistoryArgs {}

#[derive(Debug, Serialize)]
struct Status {
    changes: Vec<ChangeStatus>,
}

#[derive(Debug, Serialize)]
struct History {
    steps: Vec<HistoryItem>,
}

pub(super) async fn status(app: &App, _args: &StatusArgs) -> Result<Output> {
    let config = app.config()?;
    let (session, gathered, target) = look(app, &config).await?;
    let evidence = Evidence {
        session: &session,
        config: &config,
        target: &target,
        clock: app.clock.as_ref(),
    };
    Ok(Output::report(Status {
        changes: ChangeStatus::all(&gathered, &evidence).await?,
    }))
}

pub(super) async fn history(app: &App, _args: &HistoryArgs) -> Result<Output> {
    let config = app.config()?;
    let (session, _, _) = look(app, &config).await?;
    Ok(Output::report(History {
        steps: HistoryItem::all(&session).await?,
    }))
}

impl Report for Status {
    fn kind(&self) -> &'static str {
        "migrate_status"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let rows = self
            .changes
            .iter()
            .map(|change| {
                let stands = change.phase.map_or("-".to_owned(), |phase| {
                    let state = change
                        .state
                        .map_or(String::new(), |state| format!(" {state:?}").to_lowercase());
                    format!("{phase}{state}")
                });
                let next = match (&change.next_phase, &change.next_release) {
                    (Some(phase), Some(release)) => format!("{phase} at {release}"),
                    _ => page.styled(Style::Good, "complete"),
                };
                vec![
                    format!("{} {}", change.id, change.title),
                    stands,
                    next,
                    change.blocked_by.join("; "),
                ]
            })
            .collect();
        page.table(&["Change", "stands", "next", "blocked by"], rows)
    }
}

impl Report for History {
    fn kind(&self) -> &'static str {
        "migrate_history"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let rows = self
            .steps
            .iter()
            .map(|step| {
                vec![
                    step.at.format("%Y-%m-%d %H:%M:%S").to_string(),
                    step.change.clone(),
                    format!("{} {}", step.phase, step.step),
                    step.state.clone(),
                    step.took_ms
                        .map_or_else(String::new, |ms| format!("{ms:.0} ms")),
                    step.title.clone(),
                ]
            })
            .collect();
        page.table(
            &["at (UTC)", "change", "step", "state", "took", "what"],
            rows,
        )
    }
}
