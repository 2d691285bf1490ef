//! Where a restored cluster lies: its data folder, and the folders of its tablespaces.

use std::fs::Metadata;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, chown, lchown, symlink};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::error::{Error, Kind, Result};
use crate::postgres::private::{Identity, clear_folder};
use crate::recovery::{BackupManifest, Stream};

/// Room that a restore needs besides the files of the backup.
const SPARE: u64 = 64 << 20;
/// Where tablespaces lie when nothing else is said, in the folder of the restore.
const TABLESPACES: &str = "tablespaces";
/// Where the backups of a lineage lie until they are joined.
const LINEAGE: &str = "lineage";

/// A tablespace that is to lie elsewhere, written `OLD=NEW`; a "=" in a path as `\=`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TablespaceMapping {
    /// Its folder on the source.
    pub from: PathBuf,
    /// Its folder from now on.
    pub to: PathBuf,
}

impl FromStr for TablespaceMapping {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let paths = split_mapping(text);
        let paths = paths.filter(|(from, to)| from.is_absolute() && to.is_absolute());
        let (from, to) = paths.ok_or_else(|| {
            format!(
                "\"{text}\" is not OLD=NEW with two absolute paths; write a \"=\" in one as \"\\=\""
            )
        })?;
        Ok(Self { from, to })
    }
}

impl TablespaceMapping {
    /// Whether it says that the source's own path is free here: of a tablespace that WAL makes.
    pub(super) fn is_shared(&self) -> bool {
        self.from == self.to
    }
}

/// The paths that mappings say are free here.
pub(super) fn shared_paths(mappings: &[TablespaceMapping]) -> Vec<PathBuf> {
    let shared = mappings.iter().filter(|mapping| mapping.is_shared());
    shared.map(|mapping| mapping.to.clone()).collect()
}

/// Splits at the first "=" without a backslash in front of it, as `pg_basebackup` does; those that have one
/// belong to a path.
fn split_mapping(text: &str) -> Option<(PathBuf, PathBuf)> {
    let mut signs = text.match_indices('=').map(|(at, _)| at);
    let at = signs.find(|at| !text[..*at].ends_with('\\'))?;
    let path = |text: &str| PathBuf::from(text.replace("\\=", "="));
    Some((path(&text[..at]), path(&text[at + 1..])))
}

/// The folder of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spot {
    /// The stream: `base`, or a tablespace's OID.
    pub(super) stream: String,
    pub(super) folder: PathBuf,
    /// Bytes of the stream, and of those that it is joined with.
    bytes: u64,
}

/// A folder of a restore, and what it was before.
#[derive(Debug)]
struct Used {
    folder: PathBuf,
    /// None for one that was not there.
    before: Option<Metadata>,
}

impl Used {
    fn new(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            before: folder.metadata().ok(),
        }
    }

    /// Makes it what it was: gone, or empty.
    fn restore(&self) -> Result<()> {
        let Some(before) = &self.before else {
            return match std::fs::remove_dir_all(&self.folder) {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
                _ => Ok(()),
            };
        };
        clear_folder(&self.folder)?;
        chown(&self.folder, Some(before.uid()), Some(before.gid()))?;
        Ok(std::fs::set_permissions(
            &self.folder,
            before.permissions(),
        )?)
    }
}

/// The folders of a restore. Until [`Place::keep`] they are removed with the value; those that were
/// there become empty again.
#[derive(Debug)]
pub(super) struct Place {
    /// The folder of everything.
    into: PathBuf,
    /// In the order of the streams; `base` is the first.
    pub(super) spots: Vec<Spot>,
    /// What has to be as before when the restore fails.
    used: Vec<Used>,
    /// Held by whoever writes into the folders.
    pub(super) writing: Arc<Mutex<()>>,
}

impl Place {
    /// Makes the folders for the last backup of a lineage, which must not exist or be empty.
    ///
    /// # Errors
    /// [`Kind::Usage`] for a folder that is not empty, that the server's user cannot reach, or a
    /// mapping of no tablespace; [`Kind::DiskFull`] when the backup does not fit.
    pub(super) fn make(
        into: &Path,
        lineage: &[BackupManifest],
        mappings: &[TablespaceMapping],
        identity: &Identity,
    ) -> Result<Self> {
        let spots = spots(into, lineage, mappings)?;
        if let Some(taken) = spots
            .iter()
            .map(|spot| &spot.folder)
            .find(|folder| full(folder))
        {
            return Err(not_empty(taken));
        }
        if full(into) {
            return Err(not_empty(into));
        }
        let mut place = Self {
            into: into.to_owned(),
            spots,
            used: vec![Used::new(into)],
            writing: Arc::default(),
        };
        make(into, 0o711)?;
        for spot in place.spots.clone() {
            if !spot.folder.starts_with(into) {
                place.used.push(Used::new(&spot.folder));
            } else if spot.stream != "base" {
                make(&into.join(TABLESPACES), 0o711)?;
            }
            make(&spot.folder, 0o700)?;
            let parent = spot.folder.parent().unwrap_or(&spot.folder);
            if identity.switched && !spot.folder.starts_with(into) && !identity.may_reach(parent) {
                return Err(Error::new(
                    Kind::Usage,
                    format!("the server's user cannot reach {}", spot.folder.display()),
                )
                .hint("name a folder below one that everybody may enter"));
            }
        }
        place.room(match lineage {
            [_] => 0,
            several => several.iter().map(|backup| backup.bytes).sum(),
        })?;
        Ok(place)
    }

    /// Whether the folder of everything was there before.
    pub(super) fn was_there(&self) -> bool {
        self.used
            .iter()
            .any(|used| used.folder == self.into && used.before.is_some())
    }

    /// The data folder.
    pub(super) fn data(&self) -> &Path {
        self.spots.first().map_or(&self.into, |spot| &spot.folder)
    }

    /// A file in the folder of everything.
    pub(super) fn within(&self, name: &str) -> PathBuf {
        self.into.join(name)
    }

    /// Folders for the streams of one backup of a lineage.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn apart(&self, backup: &BackupManifest) -> Result<Vec<Spot>> {
        let folder = self.into.join(LINEAGE).join(&backup.id);
        let spot = |stream: &Stream| Spot {
            stream: stream.name.clone(),
            folder: folder.join(&stream.name),
            bytes: 0,
        };
        let spots: Vec<Spot> = backup.streams.iter().map(spot).collect();
        for spot in &spots {
            make(&spot.folder, 0o700)?;
        }
        Ok(spots)
    }

    /// Removes those folders.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn clear_lineage(&self) -> Result<()> {
        Ok(std::fs::remove_dir_all(self.into.join(LINEAGE))?)
    }

    /// Whether everything lies on one file system.
    pub(super) fn one_device(&self) -> bool {
        let device = |folder: &Path| folder.metadata().map(|facts| facts.dev()).ok();
        let own = device(&self.into);
        let mut spots = self.spots.iter();
        own.is_some() && spots.all(|spot| device(&spot.folder) == own)
    }

    /// Points `pg_tblspc` at the folders of the tablespaces, wherever an engine let it point.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn link(&self) -> Result<()> {
        link(self.data(), &self.spots)
    }

    /// Gives everything to the server's user. The links are followed by their owner only when
    /// they are his own, so they are given, too, and never followed.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn give(&self, identity: &Identity) -> Result<()> {
        if identity.switched {
            for spot in &self.spots {
                give(&spot.folder, identity)?;
            }
        }
        Ok(())
    }

    /// Lets everything stay.
    pub(super) fn keep(mut self) {
        self.used.clear();
    }

    /// Compares what each file system has to take with the room on it; `more` bytes lie in the
    /// folder of everything for a while.
    fn room(&self, more: u64) -> Result<()> {
        let device = |folder: &Path| folder.metadata().map(|facts| facts.dev());
        let mut left: Vec<(u64, &Path, u64)> = vec![(device(&self.into)?, &self.into, more)];
        for spot in &self.spots {
            left.push((device(&spot.folder)?, &spot.folder, spot.bytes));
        }
        while let Some((device, folder, _)) = left.first().copied() {
            let here = left.iter().filter(|(other, ..)| *other == device);
            let needed = here.map(|(.., bytes)| bytes).sum::<u64>() + SPARE;
            let facts = rustix::fs::statvfs(folder).map_err(std::io::Error::from)?;
            let free = facts.f_bavail.saturating_mul(facts.f_frsize);
            if free < needed {
                let folder = folder.display();
                return Err(Error::new(
                    Kind::DiskFull,
                    format!("{folder} has space for {free} bytes, but {needed} are needed"),
                ));
            }
            left.retain(|(other, ..)| *other != device);
        }
        Ok(())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.used.is_empty() {
            return;
        }
        let _written = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        for used in &self.used {
            if let Err(error) = used.restore() {
                tracing::warn!(folder = %used.folder.display(), %error, "a restore that failed was not removed");
            }
        }
    }
}

/// Where each stream goes.
fn spots(
    into: &Path,
    lineage: &[BackupManifest],
    mappings: &[TablespaceMapping],
) -> Result<Vec<Spot>> {
    let Some(backup) = lineage.last() else {
        return Ok(Vec::new());
    };
    let at = |stream: &Stream, folder: PathBuf| {
        let of = |backup: &BackupManifest| {
            let same = backup
                .streams
                .iter()
                .find(|other| other.name == stream.name);
            same.map_or(0, |same| backup.bytes_of(same))
        };
        Spot {
            stream: stream.name.clone(),
            folder,
            bytes: lineage.iter().map(of).sum(),
        }
    };
    let source = |stream: &Stream| stream.location.clone().map(PathBuf::from);
    for mapping in mappings.iter().filter(|mapping| !mapping.is_shared()) {
        let known = |stream: &Stream| source(stream).as_ref() == Some(&mapping.from);
        if !backup.streams.iter().any(known) {
            let (id, from) = (&backup.id, mapping.from.display());
            let locations: Vec<&str> = backup
                .streams
                .iter()
                .filter_map(|stream| stream.location.as_deref())
                .collect();
            let error = Error::new(
                Kind::Usage,
                format!("backup {id} has no tablespace in {from}"),
            );
            return Err(match locations.as_slice() {
                [] => error.hint("it has no tablespaces; leave the mapping out"),
                known => error.hint(format!("it has some in {}", known.join(", "))),
            });
        }
    }
    let mut spots = Vec::new();
    for stream in &backup.streams {
        let mapped = mappings
            .iter()
            .find(|mapping| source(stream).as_ref() == Some(&mapping.from));
        let folder = match (stream.name.as_str(), mapped) {
            ("base", _) => into.join("data"),
            (_, Some(mapping)) => mapping.to.clone(),
            (oid, None) => into.join(TABLESPACES).join(oid),
        };
        let nested =
            |other: &Spot| folder.starts_with(&other.folder) || other.folder.starts_with(&folder);
        if let Some(other) = spots.iter().find(|spot| nested(spot)) {
            return Err(Error::new(
                Kind::Usage,
                format!(
                    "{} and {} lie in each other",
                    folder.display(),
                    other.folder.display()
                ),
            ));
        }
        spots.push(at(stream, folder));
    }
    Ok(spots)
}

fn not_empty(folder: &Path) -> Error {
    Error::new(Kind::Usage, format!("{} is not empty", folder.display()))
}

fn full(folder: &Path) -> bool {
    folder
        .read_dir()
        .is_ok_and(|mut entries| entries.next().is_some())
}

fn make(folder: &Path, mode: u32) -> Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true).mode(mode).create(folder)?;
    Ok(())
}

/// Points the `pg_tblspc` of a data folder at the folders of its tablespaces.
pub(super) fn link(data: &Path, spots: &[Spot]) -> Result<()> {
    let links = data.join("pg_tblspc");
    for spot in spots.iter().filter(|spot| spot.stream != "base") {
        if !links.exists() {
            make(&links, 0o700)?;
        }
        let link = links.join(&spot.stream);
        if link.is_symlink() {
            std::fs::remove_file(&link)?;
        }
        symlink(&spot.folder, link)?;
    }
    Ok(())
}

fn give(path: &Path, identity: &Identity) -> Result<()> {
    lchown(path, Some(identity.uid), Some(identity.gid))?;
    if path.symlink_metadata()?.is_dir() {
        for entry in path.read_dir()? {
            give(&entry?.path(), identity)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::recovery::manifest_tests::sample;

    fn backup() -> BackupManifest {
        let mut backup = sample("20261126T021500Z-0f3a9c", 2);
        backup.streams.push(Stream {
            name: "16385".to_owned(),
            location: Some("/mnt/fast".to_owned()),
            parts: Vec::new(),
        });
        backup
    }

    fn here() -> Identity {
        Identity {
            uid: 0,
            gid: 0,
            switched: false,
        }
    }

    #[test]
    fn tablespaces_lie_in_the_folder_or_where_they_are_mapped_to() {
        let root = tempfile::tempdir().unwrap();
        let into = root.path().join("into");
        let place = Place::make(&into, &[backup()], &[], &here()).unwrap();
        place.link().unwrap();
        let link = into.join("data/pg_tblspc/16385");
        assert_eq!(link.read_link().unwrap(), into.join("tablespaces/16385"));
        drop(place);
        assert!(!into.exists(), "what failed leaves nothing");

        std::fs::create_dir(&into).unwrap();
        let mode = std::fs::Permissions::from_mode(0o2770);
        std::fs::set_permissions(&into, mode.clone()).unwrap();
        drop(Place::make(&into, &[backup()], &[], &here()).unwrap());
        assert_eq!(into.read_dir().unwrap().count(), 0);
        let left = into.metadata().unwrap().permissions();
        assert_eq!(left.mode() & 0o7777, mode.mode());
        std::fs::remove_dir(&into).unwrap();

        let elsewhere = root.path().join("elsewhere");
        let mapping = format!("/mnt/fast={}", elsewhere.display())
            .parse()
            .unwrap();
        let place = Place::make(&into, &[backup()], &[mapping], &here()).unwrap();
        place.link().unwrap();
        assert_eq!(link.read_link().unwrap(), elsewhere);
        place.keep();
        assert!(elsewhere.exists() && into.exists());
    }

    #[test]
    fn nothing_that_is_there_is_touched() {
        let root = tempfile::tempdir().unwrap();
        let (into, taken) = (root.path().join("into"), root.path().join("taken"));
        std::fs::create_dir(&taken).unwrap();
        std::fs::write(taken.join("x"), "x").unwrap();
        let mapped = |text: String| -> TablespaceMapping { text.parse().unwrap() };
        let wrong = [
            (format!("/mnt/fast={}", taken.display()), "is not empty"),
            (
                format!("/mnt/slow={}", taken.display()),
                "no tablespace in /mnt/slow",
            ),
            (
                format!("/mnt/fast={}/data/x", into.display()),
                "in each other",
            ),
        ];
        for (mapping, words) in wrong {
            let made = Place::make(&into, &[backup()], &[mapped(mapping)], &here());
            let error = made.unwrap_err();
            assert_eq!(error.kind(), Kind::Usage);
            assert!(error.to_string().contains(words), "{error}");
            assert!(taken.join("x").exists() && !into.exists());
        }
        for wrong in ["a=/b", "/a", "/a=b", "/a\\=/b", "/a=b=/c"] {
            assert!(wrong.parse::<TablespaceMapping>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_sign_in_a_path_of_a_mapping_is_escaped() {
        for (text, from, to) in [
            ("/a=/b", "/a", "/b"),
            ("/a\\=x=/b", "/a=x", "/b"),
            ("/a\\=/x=/b\\=", "/a=/x", "/b="),
            ("/a=/b=c", "/a", "/b=c"),
            ("/a\\b=/b", "/a\\b", "/b"),
        ] {
            let read: TablespaceMapping = text.parse().unwrap();
            assert_eq!(
                (read.from.as_path(), read.to.as_path()),
                (Path::new(from), Path::new(to))
            );
        }
    }
}
