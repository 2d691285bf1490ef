//! `tidegate migrate calendar`.

use std::fmt;

use crate::cli::App;
use crate::cli::render::{Output, Page, Report};
use crate::error::Result;
use crate::migration::{Calendar, Phase, Release};
use crate::service::migrate::load_changes;

/// Arguments of `migrate calendar`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The releases [default: all that the change files name]
    #[arg(long, value_delimiter = ',', value_name = "V,V")]
    releases: Vec<Release>,
}

pub(super) fn run(app: &App, args: &Args) -> Result<Output> {
    let changes = load_changes(&app.config()?.migrations_dir())?;
    Ok(Output::report(Calendar::of(
        &changes,
        args.releases.clone(),
    )))
}

impl Report for Calendar {
    fn kind(&self) -> &'static str {
        "migrate_calendar"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let mut head = vec!["Change".to_owned()];
        head.extend(self.releases.iter().map(ToString::to_string));
        let mut rows: Vec<Vec<String>> = self
            .changes
            .iter()
            .filter(|row| row.phases.iter().any(|phases| !phases.is_empty()))
            .map(|row| {
                let mut cells = vec![format!("{} {}", row.id, row.title)];
                cells.extend(row.phases.iter().map(|phases| cell(phases)));
                cells
            })
            .collect();
        let mut works = vec!["Works with app".to_owned()];
        works.extend(self.works_with.iter().map(|apps| {
            let apps: Vec<String> = apps.iter().map(ToString::to_string).collect();
            apps.join(" ")
        }));
        rows.push(works);
        let head: Vec<&str> = head.iter().map(String::as_str).collect();
        page.table(&head, rows)?;
        page.line("* point of no return")
    }
}

fn cell(phases: &[Phase]) -> String {
    if phases.is_empty() {
        return "-".to_owned();
    }
    let words: Vec<String> = phases
        .iter()
        .map(|phase| {
            if *phase == Phase::Contract {
                "contract *".to_owned()
            } else {
                phase.to_string()
            }
        })
        .collect();
    words.join(" ")
}
