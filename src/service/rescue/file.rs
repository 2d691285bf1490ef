//! The patch's file: it has its name when it is whole.

use std::path::{Path, PathBuf};

use tokio::io::{AsyncWriteExt as _, BufWriter};

use crate::error::{Error, Kind, Result};

/// A patch that is being written. Without [`Self::finish`] nothing of it stays.
#[derive(Debug)]
pub(super) struct PatchFile {
    path: PathBuf,
    partial: tempfile::NamedTempFile,
    writer: BufWriter<tokio::fs::File>,
}

impl PatchFile {
    /// Begins a file that only its owner may read: it holds rows.
    ///
    /// # Errors
    /// [`Kind::Usage`] when it is there, or its folder is not; [`Kind::Io`].
    pub(super) fn create(path: &Path) -> Result<Self> {
        if path.symlink_metadata().is_ok() {
            return Err(misnamed(path, "there is such a file already")
                .hint("name another one: a patch that somebody may have read is never replaced"));
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        if !folder.is_dir() {
            let what = format!("there is no folder {}", folder.display());
            return Err(misnamed(path, &what).hint("make the folder first, or name another one"));
        }
        let partial = tempfile::NamedTempFile::new_in(folder).map_err(|error| at(path, error))?;
        let file = partial.reopen().map_err(|error| at(path, error))?;
        Ok(Self {
            path: path.to_owned(),
            writer: BufWriter::new(tokio::fs::File::from_std(file)),
            partial,
        })
    }

    pub(super) async fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.writer.write_all(bytes).await;
        written.map_err(|error| at(&self.path, error))
    }

    pub(super) async fn line(&mut self, text: &str) -> Result<()> {
        self.bytes(text.as_bytes()).await?;
        self.bytes(b"\n").await
    }

    /// What another file holds.
    pub(super) async fn append(&mut self, from: &Path) -> Result<()> {
        let mut from = tokio::fs::File::open(from).await?;
        let written = tokio::io::copy(&mut from, &mut self.writer).await;
        written.map_err(|error| at(&self.path, error))?;
        Ok(())
    }

    /// A comment in front of a part.
    pub(super) async fn comment(&mut self, text: &str) -> Result<()> {
        self.line(&format!("\n-- {}", one_line(text))).await
    }

    /// Gives it its name.
    pub(super) async fn finish(mut self) -> Result<()> {
        let path = self.path;
        let flushed = async {
            self.writer.flush().await?;
            self.writer.get_ref().sync_all().await
        };
        flushed.await.map_err(|error| at(&path, error))?;
        let named = self.partial.persist_noclobber(&path);
        named.map_err(|error| at(&path, error.error))?;
        Ok(())
    }
}

/// A line break in a name would end the comment that it stands in.
pub(super) fn one_line(text: &str) -> String {
    text.replace(['\n', '\r'], " ")
}

fn misnamed(path: &Path, what: &str) -> Error {
    Error::new(Kind::Usage, format!("{}: {what}", path.display()))
}

fn at(path: &Path, what: impl std::fmt::Display) -> Error {
    Error::new(Kind::Io, format!("{}: {what}", path.display()))
}
