//! Where a set of server programs has its extensions and libraries.

use std::path::{Path, PathBuf};

use super::binaries::Binaries;

/// Every server has this one.
const USUAL: &str = "plpgsql";
/// How libraries end on the systems that Tidegate runs on.
const SUFFIXES: [&str; 3] = ["", ".so", ".dylib"];
/// The folder of libraries in the words of a server.
const LIBDIR: &str = "$libdir/";

/// The folders of extensions and of libraries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Extensions {
    controls: PathBuf,
    libraries: PathBuf,
}

impl Binaries {
    /// Looks for the folders: `pg_config` beside the programs tells them, and where it is not, they are
    /// looked for where packages put them. None when neither holds what every server has.
    pub async fn extensions(&self) -> Option<Extensions> {
        let mut places = Vec::new();
        if let Some(program) = self.program("pg_config") {
            let mut told = tokio::process::Command::new(program);
            told.args(["--sharedir", "--pkglibdir"])
                .env_clear()
                .envs(self.environment())
                .kill_on_drop(true);
            if let Ok(output) = told.output().await {
                let text = String::from_utf8_lossy(&output.stdout);
                let mut lines = text.lines().map(Path::new);
                if let (Some(share), Some(libraries)) = (lines.next(), lines.next()) {
                    places.push(Extensions::below(share, libraries));
                }
            }
        }
        let root = self.dir.parent()?;
        for inner in ["", "postgresql"] {
            let [share, libraries] = ["share", "lib"].map(|one| root.join(one).join(inner));
            places.push(Extensions::below(&share, &libraries));
        }
        places
            .into_iter()
            .find(|place| place.knows(USUAL) && place.holds(USUAL))
    }
}

impl Extensions {
    fn below(share: &Path, libraries: &Path) -> Self {
        Self {
            controls: share.join("extension"),
            libraries: libraries.to_owned(),
        }
    }

    /// Whether an extension of this name can be created.
    #[must_use]
    pub fn knows(&self, extension: &str) -> bool {
        self.controls.join(format!("{extension}.control")).is_file()
    }

    /// Whether there is a library, named as a setting or a function names it (PostgreSQL,
    /// `expand_dynamic_library_name` in `dfmgr.c`).
    #[must_use]
    pub fn holds(&self, library: &str) -> bool {
        let name = library.strip_prefix(LIBDIR).unwrap_or(library);
        // An absolute path stays what it is.
        let path = self.libraries.join(name);
        SUFFIXES.iter().any(|suffix| {
            let mut path = path.clone().into_os_string();
            path.push(suffix);
            Path::new(&path).is_file()
        })
    }

    /// The folder of libraries.
    #[must_use]
    pub fn libraries(&self) -> &Path {
        &self.libraries
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_found_by_every_name_that_a_server_takes() {
        let root = tempfile::tempdir().unwrap();
        let (share, lib) = (root.path().join("share"), root.path().join("lib"));
        std::fs::create_dir_all(share.join("extension")).unwrap();
        std::fs::create_dir_all(lib.join("plugins")).unwrap();
        std::fs::write(share.join("extension/a.control"), "").unwrap();
        std::fs::write(lib.join("a.so"), "").unwrap();
        std::fs::write(lib.join("plugins/b.so"), "").unwrap();
        let found = Extensions::below(&share, &lib);
        assert!(found.knows("a") && !found.knows("b"));
        let absolute = lib.join("a.so");
        for name in [
            "a",
            "a.so",
            "$libdir/a",
            "$libdir/plugins/b",
            absolute.to_str().unwrap(),
        ] {
            assert!(found.holds(name), "{name}");
        }
        for name in ["b", "", "plugins", "/a", "../share/extension/a"] {
            assert!(!found.holds(name), "{name}");
        }
    }
}
