//! `tidegate migrate new KIND NAME`.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

use crate::cli::App;
use crate::cli::render::{Output, Page, Report};
use crate::error::{Error, Kind, Result};
use crate::migration::{Operation, next_number};

/// Arguments of `migrate new`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Kind of the operation: add_column, replace_column, set_not_null, drop_column, sql
    kind: String,
    /// Name of the change, for example user_id
    name: String,
}

#[derive(Debug, Serialize)]
struct New {
    id: String,
    file: PathBuf,
}

impl Report for New {
    fn kind(&self) -> &'static str {
        "migrate_new"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        page.line(format!("wrote {}", self.file.display()))?;
        page.line("next: fill it in, then `tidegate migrate lint` and `tidegate migrate plan`")
    }
}

pub(super) fn run(app: &App, args: &Args) -> Result<Output> {
    let config = app.config()?;
    let dir = config.migrations_dir();
    let plain = !args.name.is_empty()
        && args
            .name
            .chars()
            .all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    if !plain {
        return Err(Error::new(
            Kind::Usage,
            format!("\"{}\" is not a name of letters, digits and _", args.name),
        ));
    }
    let text = template(&args.kind, &args.name.replace(['_', '-'], " "))?;
    std::fs::create_dir_all(&dir)?;
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&dir)? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    let id = next_number(names.iter().map(String::as_str));
    let extension = if args.kind == "sql" { "sql" } else { "toml" };
    let file = dir.join(format!("{id}_{}.{extension}", args.name));
    std::fs::write(&file, text)?;
    if args.kind == "sql" {
        std::fs::write(
            file.with_extension("down.sql"),
            "select 1; -- what undoes them goes here\n",
        )?;
    }
    Ok(Output::report(New { id, file }))
}

fn template(kind: &str, title: &str) -> Result<String> {
    let operation = match kind {
        "sql" => {
            return Ok(
                "-- tidegate: phase=expand release=1.0.0\n\nselect 1; -- your statements go here\n"
                    .to_owned(),
            );
        }
        "add_column" => "table  = \"TABLE\"\ncolumn = { name = \"COLUMN\", type = \"text\" }\n",
        "replace_column" => {
            "table = \"TABLE\"\nfrom  = \"OLD\"\nto    = { name = \"NEW\", type = \"bigint\", not_null = true }\n\
             up    = \"OLD::bigint\"\ndown  = \"NEW::text\"\n"
        }
        "set_not_null" => "table  = \"TABLE\"\ncolumn = \"COLUMN\"\n",
        "drop_column" => "table  = \"TABLE\"\ncolumn = \"COLUMN\"\n",
        _ => {
            return Err(Error::new(Kind::Usage, format!("unknown kind \"{kind}\""))
                .hint(format!("the kinds are {}", Operation::KINDS.join(", "))));
        }
    };
    Ok(format!(
        "version = 1\ntitle = \"{title}\"\n\n[schedule]\nexpand   = \"1.0.0\"\nenforce  = \"1.1.0\"\ncontract = \"1.2.0\"\n\n\
         [[operation]]\nkind = \"{kind}\"\n{operation}"
    ))
}
