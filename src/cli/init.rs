//! `tidegate init`.

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::App;
use super::render::{Output, Page, Report};
use crate::error::{Error, Kind, Result};

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder; it is made when it is not there
    #[arg(default_value = ".")]
    dir: PathBuf,
}

#[derive(Debug, Serialize)]
struct Made {
    dir: PathBuf,
    files: Vec<PathBuf>,
    kept: Vec<PathBuf>,
}

pub(super) fn run(_app: &App, args: &Args) -> Result<Output> {
    let absolute = std::path::absolute(&args.dir)?;
    let project: String = absolute
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("app")
        .chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_lowercase()
            } else {
                '_'
            }
        })
        .collect();
    let mut made = Made {
        dir: args.dir.clone(),
        files: Vec::new(),
        kept: Vec::new(),
    };
    for folder in ["migrations", "masking-rules", "seeds"] {
        std::fs::create_dir_all(absolute.join(folder)).map_err(|error| {
            Error::new(
                Kind::Io,
                format!("cannot make {}: {error}", absolute.join(folder).display()),
            )
        })?;
    }
    let config = CONFIG.replace("PROJECT", &project);
    for (name, text) in [
        ("tidegate.toml", config.as_str()),
        ("migrations/README.md", MIGRATIONS),
        ("masking-rules/.gitkeep", ""),
        ("seeds/.gitkeep", ""),
    ] {
        made.write(&absolute, name, text)?;
    }
    Ok(Output::report(made))
}

impl Made {
    /// Writes a file, unless there is one.
    fn write(&mut self, root: &Path, name: &str, text: &str) -> Result<()> {
        use std::io::Write as _;
        let path = root.join(name);
        match std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
        {
            Ok(mut file) => {
                file.write_all(text.as_bytes())?;
                self.files.push(name.into());
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                self.kept.push(name.into());
                Ok(())
            }
            Err(error) => Err(Error::new(
                Kind::Io,
                format!("cannot write {}: {error}", path.display()),
            )),
        }
    }
}

const CONFIG: &str = r#"version = 1
project = "PROJECT"          # sessions of your app call themselves PROJECT/2.1.0 (application_name)
default = "local"            # the private PostgreSQL that Tidegate starts and owns

# [environments.staging]
# tier = "staging"
# url  = { env = "STAGING_DATABASE_URL" }

# [environments.production]
# tier = "production"
# url  = { command = ["your-vault", "read", "database-url"] }

# [policy.production]
# approvals = 2
# soak = "24h"
"#;

const MIGRATIONS: &str = "# Changes\n\nOne file a change, with all its releases: `NNNN_name.toml`, or plain SQL as `NNNN_name.sql`\nwith `NNNN_name.down.sql`. Begin with `tidegate migrate new replace_column NAME`.\n";

impl Report for Made {
    fn kind(&self) -> &'static str {
        "init"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        for file in &self.files {
            page.line(format!("wrote  {}", file.display()))?;
        }
        for file in &self.kept {
            page.line(format!("kept   {} (it was there)", file.display()))?;
        }
        page.line("next:  tidegate migrate new sql first")
    }
}
