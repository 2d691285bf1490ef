//! A project folder: tidegate.toml and change files.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Cli, Database};

/// A temporary project; removed at the end of its life.
#[derive(Debug)]
pub(crate) struct Project {
    dir: tempfile::TempDir,
}

impl Project {
    /// A folder without any file.
    pub(crate) fn empty() -> Self {
        Self {
            dir: tempfile::Builder::new()
                .prefix("tgp-")
                .tempdir()
                .expect("project folder"),
        }
    }

    /// A project `shop` whose only environment `dev` is this database.
    pub(crate) fn new(database: &Database) -> Self {
        Self::with_config(&format!(
            "version = 1\nproject = \"shop\"\ndefault = \"dev\"\n\n\
             [environments.dev]\ntier = \"dev\"\nurl = \"{}\"\n",
            database.url()
        ))
    }

    /// A project with this tidegate.toml.
    pub(crate) fn with_config(text: &str) -> Self {
        let project = Self::empty();
        project.write("tidegate.toml", text);
        project
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    /// Writes a file, whose path is relative to the project; makes its folders.
    pub(crate) fn write(&self, path: &str, text: &str) -> PathBuf {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("folder");
        fs::write(&path, text).expect("file");
        path
    }

    /// Writes a change file, `0007_user_id.toml` or `.sql`.
    pub(crate) fn change(&self, name: &str, text: &str) -> &Self {
        self.write(&format!("migrations/{name}"), text);
        self
    }

    /// The text of a file.
    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.path().join(path)).expect(path)
    }

    /// The binary, to be run in this project.
    pub(crate) fn tidegate<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Cli {
        Cli::new(args).dir(self.path())
    }
}
