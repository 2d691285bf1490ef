//! Where a drill is written besides the terminal.

use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};
use crate::recovery::DrillReport;
use crate::report;

/// Files of a drill.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Files {
    /// Write a page with plots into this file; it needs no other file
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write Markdown into this file
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write JUnit XML into this file, for CI
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Write the text format of Prometheus into this file, for the textfile collector
    #[arg(long, value_name = "FILE")]
    prometheus: Option<PathBuf>,
}

impl Files {
    /// Writes those that were asked for and returns their names; `history` are the drills up to
    /// this one, oldest first.
    ///
    /// # Errors
    /// A file cannot be written.
    pub(super) fn write(
        &self,
        drill: &DrillReport,
        history: &[DrillReport],
    ) -> Result<Vec<PathBuf>> {
        let mut written = Vec::new();
        let mut put = |file: &Option<PathBuf>, text: &dyn Fn() -> Result<String>| {
            if let Some(file) = file {
                write(file, &text()?)?;
                written.push(file.clone());
            }
            Ok::<_, Error>(())
        };
        put(&self.html, &|| Ok(report::html(drill, history)))?;
        put(&self.markdown, &|| Ok(report::markdown(drill)))?;
        put(&self.junit, &|| report::junit(drill))?;
        put(&self.prometheus, &|| Ok(report::prometheus(drill)))?;
        Ok(written)
    }
}

/// Writes in one step, so that a collector never reads half a file.
fn write(file: &Path, text: &str) -> Result<()> {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let new = file.with_file_name(name);
    std::fs::write(&new, text)
        .and_then(|()| std::fs::rename(&new, file))
        .map_err(|error| {
            Error::new(
                Kind::Io,
                format!("cannot write {}: {error}", file.display()),
            )
        })
}
