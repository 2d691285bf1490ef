//! What a backup consists of.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Extension, Lsn, Segment, TimelineHistory};
use crate::error::{Error, Kind, Result};

/// Version of the form of a [`BackupManifest`].
pub const MANIFEST_VERSION: u32 = 1;

/// Where backups lie in a repository.
const BACKUPS: &str = "backups";
/// The name under which a manifest lies in its backup's folder.
const MANIFEST: &str = "backup.tg";

/// One complete base backup. It is written last: without it there is no backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupManifest {
    /// [`MANIFEST_VERSION`].
    pub version: u32,
    /// `20261126T021500Z-0f3a9c`: when it began, and chance; sorts by time.
    pub id: String,
    /// The engine that made it: `native`.
    pub engine: String,
    /// The cluster that it is of.
    pub system_identifier: u64,
    /// The server's `server_version_num`: 150018.
    pub postgres: u32,
    /// Bytes of a segment of WAL.
    pub wal_segment_bytes: u32,
    /// The timeline that it was taken on.
    pub timeline: u32,
    /// Where replay begins.
    pub start: Lsn,
    /// What replay must reach before the cluster is consistent.
    pub end: Lsn,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was complete.
    pub ended_at: DateTime<Utc>,
    /// Whether the WAL from `start` to `end` is inside, so that it can be restored to its end alone.
    pub wal_included: bool,
    /// The region that its data must not leave.
    pub region: Option<String>,
    /// The data: tar files, cut into parts. `base` comes first and holds `backup_manifest`.
    pub streams: Vec<Stream>,
    /// Bytes of all streams.
    pub bytes: u64,
    /// Bytes of all sealed parts.
    pub sealed_bytes: u64,
    /// What a server that restores it must know.
    pub settings: Settings,
    /// The backup that this one is an increment of.
    pub parent: Option<String>,
    /// What an engine that keeps its own files made; the streams of such a backup have no parts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<Kept>,
    /// Whether it was taken on a standby, which cannot begin a new segment when a backup ends. Older
    /// manifests do not tell.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub from_standby: bool,
}

/// A backup that its engine keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// What the engine calls it.
    pub label: String,
    /// Its files, as they lie in the repository.
    pub files: Vec<KeptFile>,
    /// Bytes of the cluster's files in each stream, by its name.
    pub sizes: BTreeMap<String, u64>,
}

/// A file of a backup that its engine keeps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptFile {
    /// Its name in the repository.
    pub name: String,
    /// What it was when the backup was complete.
    pub part: Part,
}

/// A tar file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stream {
    /// `base`, or the OID of a tablespace.
    pub name: String,
    /// The folder of the tablespace on the source; none for `base`.
    pub location: Option<String>,
    /// Its parts, in order.
    pub parts: Vec<Part>,
}

/// A piece of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Bytes before it was sealed.
    pub bytes: u64,
    /// SHA-256 of them, in hexadecimal digits.
    pub sha256: String,
}

/// What of the source decides whether and where a backup can be restored.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Parameters that a standby must not set lower than its source (`max_connections` ...), and
    /// those that recovery has to neutralize.
    pub parameters: BTreeMap<String, String>,
    /// Whether data pages carry checksums.
    pub data_checksums: bool,
    /// Encoding of the database that was connected to.
    pub encoding: String,
    /// Versions of collations that indexes hang on.
    pub collations: Vec<Collation>,
    /// The server's own words for its version and platform.
    pub server: String,
    /// The role that the cluster was made with, always a superuser; none in older manifests. By it a
    /// restored server is entered: not every cluster has a role `postgres`.
    #[serde(default)]
    pub superuser: Option<String>,
    /// The database that was connected to; none in older manifests.
    #[serde(default)]
    pub database: Option<String>,
    /// Extensions of all databases; none in older manifests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extensions: Vec<Extension>,
    /// Libraries that functions of users and of extensions need, as they name them; none in older
    /// manifests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub libraries: Vec<String>,
}

/// The name of a collation provider, by the letter that the catalogs have for it.
#[must_use]
pub fn provider_name(letter: &str) -> &'static str {
    match letter {
        "i" => "icu",
        "b" => "builtin",
        _ => "libc",
    }
}

/// A version of a collation that the source's databases were built with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Collation {
    /// Its name; a database's own default is called `database NAME`.
    pub name: String,
    /// `libc`, `icu` or `builtin`.
    pub provider: String,
    /// Its version.
    pub version: String,
}

/// Segments that a backup brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Brought {
    timeline: u32,
    first: u64,
    last: u64,
    /// What there surely is of the last one, in bytes from its beginning.
    ends: u64,
    /// Whether the last one was still being written.
    cut: bool,
}

impl Brought {
    /// Whether a segment is among them.
    #[must_use]
    pub fn holds(&self, segment: Segment) -> bool {
        segment.timeline == self.timeline && (self.first..=self.last).contains(&segment.number)
    }

    /// Whether the history of a timeline lies beside them, when there is one: a server sends those that
    /// it has.
    #[must_use]
    pub fn holds_history(&self, timeline: u32) -> bool {
        timeline <= self.timeline
    }

    /// Whether a segment is among them, and nothing of it is elsewhere.
    #[must_use]
    pub fn holds_all_of(&self, segment: Segment) -> bool {
        self.holds(segment) && !(self.cut && segment.number == self.last)
    }

    /// Whether so many bytes of a segment, from its beginning, are more than what is among them. On a
    /// primary that is true of the last one only where it does no harm: what follows is the record
    /// that ends the segment.
    #[must_use]
    pub fn is_less_than(&self, segment: Segment, covered: u64) -> bool {
        self.holds(segment) && segment.number == self.last && covered > self.ends
    }

    /// The first one after them.
    #[must_use]
    pub fn next(&self) -> Segment {
        Segment {
            timeline: self.timeline,
            number: self.last + 1,
        }
    }
}

impl BackupManifest {
    /// The engine that keeps backups as sealed parts.
    pub const NATIVE: &'static str = "native";

    /// The folder of all backups.
    pub const FOLDER: &'static str = BACKUPS;

    /// The id of a backup that begins at `at`; `chance` sets those of one second apart.
    #[must_use]
    pub fn id_at(at: DateTime<Utc>, chance: [u8; 3]) -> String {
        format!("{}-{}", at.format("%Y%m%dT%H%M%SZ"), hex::encode(chance))
    }

    /// When a backup of this id began; none when it is no id.
    #[must_use]
    pub fn began(id: &str) -> Option<DateTime<Utc>> {
        let (time, chance) = id.split_once('-')?;
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if chance.len() != 6 || !chance.bytes().all(digit) {
            return None;
        }
        let time = chrono::NaiveDateTime::parse_from_str(time, "%Y%m%dT%H%M%SZ").ok()?;
        Some(time.and_utc())
    }

    /// The folder of a backup.
    #[must_use]
    pub fn folder(id: &str) -> String {
        format!("{BACKUPS}/{id}")
    }

    /// The name of a backup's manifest.
    #[must_use]
    pub fn name(id: &str) -> String {
        format!("{BACKUPS}/{id}/{MANIFEST}")
    }

    /// The id of the backup that a file of a repository belongs to, and the file's name inside.
    #[must_use]
    pub fn of_file(name: &str) -> Option<(&str, &str)> {
        let (id, rest) = name
            .strip_prefix(BACKUPS)?
            .strip_prefix('/')?
            .split_once('/')?;
        Self::began(id).map(|_| (id, rest))
    }

    /// Whether a file inside a backup's folder is its manifest.
    #[must_use]
    pub fn is_manifest(inside: &str) -> bool {
        inside == MANIFEST
    }

    /// The name of a part, counted from 0. Streams beside `base` have folders of their own.
    #[must_use]
    pub fn part_name(id: &str, stream: &str, number: usize) -> String {
        if stream == "base" {
            format!("{BACKUPS}/{id}/data/{number:06}")
        } else {
            format!("{BACKUPS}/{id}/data/{stream}/{number:06}")
        }
    }

    /// Every part with its name, in the order of the streams; those of a backup that its engine
    /// keeps are the engine's files.
    pub fn parts(&self) -> impl Iterator<Item = (String, &Part)> {
        let sealed = self.streams.iter().flat_map(move |stream| {
            let named =
                move |(number, part)| (Self::part_name(&self.id, &stream.name, number), part);
            stream.parts.iter().enumerate().map(named)
        });
        let kept = self.kept.iter().flat_map(|kept| &kept.files);
        sealed.chain(kept.map(|file| (file.name.clone(), &file.part)))
    }

    /// Bytes that the files of a stream take once they are restored; an engine that compresses may
    /// have estimated them.
    #[must_use]
    pub fn bytes_of(&self, stream: &Stream) -> u64 {
        match &self.kept {
            Some(kept) => kept.sizes.get(&stream.name).copied().unwrap_or_default(),
            None => stream.parts.iter().map(|part| part.bytes).sum(),
        }
    }

    /// The first segment that replay needs.
    #[must_use]
    pub fn first_segment(&self) -> Segment {
        Segment::holding(self.start, self.timeline, self.wal_segment_bytes)
    }

    /// Whether it lies in the past of a timeline with this history, so that the timeline can be
    /// recovered from it. Its end is the first byte that it does not need.
    #[must_use]
    pub fn lies_on(&self, history: &TimelineHistory) -> bool {
        let last = Lsn(self.end.0.saturating_sub(1));
        [self.start, last]
            .iter()
            .all(|lsn| history.timeline_at(*lsn) == self.timeline)
    }

    /// The segments in its own `pg_wal`: those from its start to its end. Each of them is whole, since
    /// a primary begins a new one when a backup ends; the last one of a standby's is what it had then.
    #[must_use]
    pub fn brought(&self) -> Option<Brought> {
        let last = Lsn(self.end.0.saturating_sub(1));
        let last = Segment::holding(last, self.timeline, self.wal_segment_bytes);
        self.wal_included.then(|| Brought {
            timeline: self.timeline,
            first: self.first_segment().number,
            last: last.number,
            ends: self.end.since(last.start(self.wal_segment_bytes)),
            cut: self.from_standby,
        })
    }

    /// The text that is sealed.
    ///
    /// # Errors
    /// [`Kind::Internal`].
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| Error::new(Kind::Internal, error.to_string()))
    }

    /// Reads the text of the manifest of `id`.
    ///
    /// # Errors
    /// [`Kind::SealBroken`] when it is of another version, of another backup, or contradicts itself.
    pub fn from_bytes(id: &str, text: &[u8]) -> Result<Self> {
        let wrong = |what: String| {
            Error::new(
                Kind::SealBroken,
                format!("the manifest of backup {id}: {what}"),
            )
        };
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let versioned: Versioned =
            serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
        if versioned.version != MANIFEST_VERSION {
            return Err(wrong(format!(
                "it has version {}, not {MANIFEST_VERSION}",
                versioned.version
            ))
            .hint("use the Tidegate that wrote it, or a newer one"));
        }
        let manifest: Self =
            serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
        if manifest.id != id {
            return Err(wrong(format!("it is of backup {}", manifest.id)));
        }
        let bytes: u64 = manifest.parts().map(|(_, part)| part.bytes).sum();
        let promised = match manifest.kept {
            Some(_) => manifest.sealed_bytes,
            None => manifest.bytes,
        };
        if bytes != promised || manifest.end < manifest.start {
            return Err(wrong("its sums or positions do not fit".to_owned()));
        }
        let size = manifest.wal_segment_bytes;
        if !size.is_power_of_two() || !(1 << 20..=1 << 30).contains(&size) {
            return Err(wrong(format!("segments of {size} bytes do not exist")));
        }
        let plain = |stream: &Stream| {
            stream.name == "base" || stream.name.bytes().all(|byte| byte.is_ascii_digit())
        };
        if let Some(stream) = manifest.streams.iter().find(|stream| !plain(stream)) {
            return Err(wrong(format!("a stream is called {:?}", stream.name)));
        }
        Ok(manifest)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A backup of `parts` parts that began at `id`.
    pub(crate) fn sample(id: &str, parts: usize) -> BackupManifest {
        let began = BackupManifest::began(id).unwrap();
        let part = Part {
            bytes: 10,
            sha256: "00".repeat(32),
        };
        BackupManifest {
            version: MANIFEST_VERSION,
            id: id.to_owned(),
            engine: "native".to_owned(),
            system_identifier: 7,
            postgres: 150_000,
            wal_segment_bytes: 16 << 20,
            timeline: 1,
            start: Lsn(0x0300_0028),
            end: Lsn(0x0300_0100),
            started_at: began,
            ended_at: began + chrono::TimeDelta::minutes(1),
            wal_included: true,
            region: None,
            streams: vec![Stream {
                name: "base".to_owned(),
                location: None,
                parts: vec![part; parts],
            }],
            bytes: 10 * parts as u64,
            sealed_bytes: 0,
            settings: Settings::default(),
            parent: None,
            kept: None,
            from_standby: false,
        }
    }

    #[test]
    fn the_last_segment_of_a_standby_is_not_whole() {
        let primary = sample("20261126T021500Z-0f3a9c", 1);
        let standby = BackupManifest {
            from_standby: true,
            ..primary.clone()
        };
        let last = primary.first_segment();
        let [from_primary, from_standby] = [&primary, &standby].map(|one| one.brought().unwrap());
        assert!(from_primary.holds_all_of(last));
        assert!(from_standby.holds(last) && !from_standby.holds_all_of(last));
        for brought in [from_primary, from_standby] {
            assert!(brought.is_less_than(last, 0x101) && !brought.is_less_than(last, 0x100));
            assert!(!brought.is_less_than(last.next(), 0x101));
        }
        let old = String::from_utf8(primary.to_bytes().unwrap()).unwrap();
        assert!(!old.contains("from_standby"), "as older versions wrote it");
    }

    #[test]
    fn ids_tell_when_and_sort_by_it() {
        let at = "2026-11-26T02:15:00Z".parse().unwrap();
        let id = BackupManifest::id_at(at, [0x0f, 0x3a, 0x9c]);
        assert_eq!(id, "20261126T021500Z-0f3a9c");
        assert_eq!(BackupManifest::began(&id), Some(at));
        for wrong in [
            "",
            "x",
            "20261126T021500Z",
            "20261326T021500Z-0f3a9c",
            "20261126T021500Z-../../",
        ] {
            assert_eq!(BackupManifest::began(wrong), None, "{wrong}");
        }
        let file = BackupManifest::part_name(&id, "16385", 7);
        assert_eq!(
            BackupManifest::of_file(&file),
            Some((id.as_str(), "data/16385/000007"))
        );
        assert_eq!(BackupManifest::of_file("backups/x/backup.tg"), None);
    }

    #[test]
    fn a_manifest_comes_back_and_one_that_lies_does_not() {
        let id = "20261126T021500Z-0f3a9c";
        let good = sample(id, 3);
        let text = good.to_bytes().unwrap();
        assert_eq!(BackupManifest::from_bytes(id, &text).unwrap(), good);
        let other = BackupManifest::from_bytes("20261126T021500Z-0f3a9d", &text).unwrap_err();
        assert!(other.to_string().contains("it is of backup"), "{other}");
        type Lie = fn(&mut BackupManifest);
        let lies: [(Lie, &str); 5] = [
            (|m| m.bytes = 1, "sums"),
            (|m| m.end = Lsn(0), "positions"),
            (|m| m.version = 9, "version 9"),
            (|m| m.wal_segment_bytes = 5, "segments of 5"),
            (|m| m.streams[0].name = "../x".to_owned(), "../x"),
        ];
        for (lie, word) in lies {
            let mut manifest = good.clone();
            lie(&mut manifest);
            let text = manifest.to_bytes().unwrap();
            let error = BackupManifest::from_bytes(id, &text).unwrap_err();
            assert_eq!(error.kind(), Kind::SealBroken);
            assert!(error.to_string().contains(word), "{error}");
        }
    }
}
