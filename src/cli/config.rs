//! `tidegate config`.

use std::fmt;

use serde::Serialize;

use super::App;
use super::render::{Output, Page, Report};
use crate::config::Setting;
use crate::error::{Error, Kind, Result};

/// Commands of `config`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Every effective value with its origin; secrets are shown as references
    Show,
    /// JSON Schemas of the file formats
    Schema {
        /// tidegate, change, masking-rules or seeds [default: all]
        name: Option<String>,
    },
}

#[derive(Debug, Serialize)]
struct Shown {
    file: Option<std::path::PathBuf>,
    settings: Vec<Setting>,
}

pub(super) fn run(app: &App, command: &Command) -> Result<Output> {
    match command {
        Command::Show => {
            let config = app.config()?;
            Ok(Output::report(Shown {
                file: config.file.clone(),
                settings: config.settings,
            }))
        }
        Command::Schema { name } => schema(name.as_deref()),
    }
}

fn schema(name: Option<&str>) -> Result<Output> {
    let value = match name {
        Some("tidegate" | "tidegate.toml") => serde_json::to_value(crate::config::schema()),
        Some("change") => serde_json::to_value(crate::migration::schema()),
        Some("masking-rules") => serde_json::to_value(crate::masking::policy::schema()),
        Some("seeds") => serde_json::to_value(crate::generate::spec_schema()),
        None => Ok(serde_json::json!({
            "tidegate": crate::config::schema(),
            "change": crate::migration::schema(),
            "masking-rules": crate::masking::policy::schema(),
            "seeds": crate::generate::spec_schema(),
        })),
        Some(other) => {
            return Err(
                Error::new(Kind::Usage, format!("there is no format \"{other}\""))
                    .hint("the formats are tidegate, change, masking-rules and seeds"),
            );
        }
    };
    let value = value.map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
    Ok(Output::report(Schema(value)))
}

/// JSON Schemas: bare for people and editors, inside the usual document with `--format json`.
#[derive(Debug, Serialize)]
#[serde(transparent)]
struct Schema(serde_json::Value);

impl Report for Schema {
    fn kind(&self) -> &'static str {
        "config_schema"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        page.line(format!("{:#}", self.0))
    }
}

impl Report for Shown {
    fn kind(&self) -> &'static str {
        "config_show"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        match &self.file {
            Some(file) => page.line(format!("from {}", file.display()))?,
            None => page.line("no tidegate.toml here or above")?,
        }
        let rows = self
            .settings
            .iter()
            .map(|setting| {
                vec![
                    setting.key.clone(),
                    setting.value.clone(),
                    setting.origin.to_owned(),
                ]
            })
            .collect();
        page.table(&["key", "value", "origin"], rows)
    }
}
