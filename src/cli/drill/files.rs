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
    /// Refuses a file that cannot be written, before there is anything to write.
    ///
    /// # Errors
    /// [`Kind::Usage`].
    pub(super) fn check(&self) -> Result<()> {
        let all = [&self.html, &self.markdown, &self.junit, &self.prometheus];
        for file in all.into_iter().flatten() {
            let folder = file
                .parent()
                .filter(|folder| !folder.as_os_str().is_empty());
            let folder = folder.unwrap_or(Path::new("."));
            let why = match (folder.is_dir(), file.is_dir()) {
                (true, false) => continue,
                (true, true) => "it is a folder".to_owned(),
                (false, _) => format!("there is no folder {}", folder.display()),
            };
            let text = format!("cannot write {}: {why}", file.display());
            return Err(Error::new(Kind::Usage, text).hint("make the folder, or name another file"));
        }
        Ok(())
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_a_folder_is_refused_before_the_drill() {
        let dir = tempfile::tempdir().unwrap();
        let of = |path: PathBuf| Files {
            junit: Some(path),
            ..Files::default()
        };
        assert!(of(dir.path().join("x.xml")).check().is_ok());
        assert!(of(PathBuf::from("x.xml")).check().is_ok());
        for wrong in [dir.path().join("none/x.xml"), dir.path().to_owned()] {
            let error = of(wrong).check().unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{error}");
        }
    }
}
