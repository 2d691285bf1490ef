//! Incremental backups: whether a server makes them, what they are an increment of, and the parent's
//! list of files, which the server asks for.

use std::path::{Path, PathBuf};

use tokio::io::AsyncWriteExt as _;

use super::create::Backup;
use super::shelf::Shelf;
use super::source::Source;
use crate::engines::{BackupEngine, Staging};
use crate::error::{Error, Kind, Result};
use crate::recovery::{BackupManifest, FILE_LIST};
use crate::storage::Repository;

/// The first major version that makes them.
const FIRST: u32 = 17;
/// Where the mark lies that tells an unfinished backup's parent, in the backup's folder.
const MARK: &str = "of";
/// A tar file consists of blocks of so many bytes.
const BLOCK: usize = 512;
/// Zeros at the end of a tar file: two blocks, or what fills up a record of twenty.
const LONGEST_TRAILER: u64 = 20 * BLOCK as u64;

/// What an incremental backup is to be an increment of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parent {
    /// The newest good backup.
    Newest,
    /// The backup of this id.
    Id(String),
}

/// An increment that is being made.
#[derive(Debug)]
pub(super) struct Increment {
    /// The parent's list of files.
    pub(super) list: PathBuf,
    _staging: Staging,
}

/// Refuses a server that makes no increments: one before PostgreSQL 17, or one that does not keep
/// the summaries of its WAL that tell which blocks have changed.
///
/// # Errors
/// [`Kind::BackupRefused`] with the remedy.
pub fn summarizes_wal(major: u32, summarizes: bool) -> Result<()> {
    if major < FIRST {
        return Err(Error::new(
            Kind::BackupRefused,
            format!("PostgreSQL {major} makes no incremental backups"),
        )
        .hint(format!(
            "take full ones: leave --incremental out; servers from version {FIRST} on make increments"
        )));
    }
    if !summarizes {
        return Err(Error::new(
            Kind::BackupRefused,
            "the server keeps no summaries of its WAL, which increments are made from: summarize_wal is off",
        )
        .hint("`alter system set summarize_wal = on`, then `select pg_reload_conf()`, then a full backup: those after it can be increments"));
    }
    Ok(())
}

/// Picks the parent, before anything is written; none for a full backup.
///
/// # Errors
/// [`Kind::BackupRefused`] for an engine or a server that makes no increments,
/// [`Kind::BackupMissing`] when there is no parent; those of the repository.
pub(super) async fn pick(
    backup: &Backup<'_>,
    engine: &(impl BackupEngine + ?Sized),
    source: &Source,
) -> Result<Option<BackupManifest>> {
    let Some(wanted) = &backup.parent else {
        return Ok(None);
    };
    if !engine.increments() {
        return Err(Error::new(
            Kind::BackupRefused,
            format!("the engine {} makes no increments here", engine.name()),
        )
        .hint("leave --incremental out"));
    }
    summarizes_wal(source.major(), source.summarizes_wal)?;
    let shelf = Shelf::read(backup.repository).await?;
    let parent = match wanted {
        Parent::Newest => shelf.newest_parent(engine.name(), source.major())?,
        Parent::Id(id) => {
            let parent = shelf.backup(id)?;
            match shelf.problem(parent) {
                None => parent,
                Some(problem) => {
                    let text = format!("no increment can be made of backup {id}: {problem}");
                    return Err(Error::new(Kind::BackupMissing, text));
                }
            }
        }
    };
    if parent.postgres / 10_000 != source.major() || parent.engine != engine.name() {
        let text = format!(
            "no increment can be made of backup {}: it is of PostgreSQL {}, made by {}",
            parent.id,
            parent.postgres / 10_000,
            parent.engine
        );
        return Err(Error::new(Kind::BackupRefused, text));
    }
    Ok(Some(parent.clone()))
}

impl Increment {
    /// Marks the parent as one that is needed by the backup `id`, and puts its list of files down.
    ///
    /// # Errors
    /// [`Kind::BackupMissing`] when it has expired meanwhile; those of the repository and the folder.
    pub(super) async fn prepare(
        repository: &Repository,
        id: &str,
        parent: &BackupManifest,
        staging: Option<&Path>,
    ) -> Result<Self> {
        let mark = format!("{}/{MARK}/{}", BackupManifest::folder(id), parent.id);
        repository.put(&mark, Vec::new()).await?;
        let staging = Staging::new(staging)?;
        let increment = Self {
            list: staging.beside(FILE_LIST),
            _staging: staging,
        };
        still_there(repository, &parent.id).await?;
        put_down(repository, parent, &increment.list).await?;
        Ok(increment)
    }
}

/// Whether a parent has not expired. Whoever lists the repository after the mark was written keeps
/// it; whoever listed it before may still be at work.
///
/// # Errors
/// [`Kind::BackupMissing`]; those of the repository.
pub(super) async fn still_there(repository: &Repository, parent: &str) -> Result<()> {
    if repository.exists(&BackupManifest::name(parent)).await? {
        return Ok(());
    }
    let text = format!("backup {parent} expired while an increment of it was made");
    Err(Error::new(Kind::BackupMissing, text).hint("take a full backup"))
}

/// The parent that a mark in an unfinished backup's folder names; none when it is none.
pub(super) fn marked(inside: &str) -> Option<&str> {
    inside.strip_prefix(MARK)?.strip_prefix('/')
}

/// Writes the list of files of a backup to a file. It is the last one in the stream `base`, so it is
/// looked for from the end; one part is in memory at once.
async fn put_down(repository: &Repository, backup: &BackupManifest, to: &Path) -> Result<()> {
    let wrong = || {
        Error::new(
            Kind::SealBroken,
            format!("backup {} holds no {FILE_LIST}", backup.id),
        )
    };
    let base = backup.streams.iter().find(|stream| stream.name == "base");
    let base = base.ok_or_else(wrong)?;
    let part = async |number: usize| {
        let name = BackupManifest::part_name(&backup.id, &base.name, number);
        repository.get(&name).await
    };
    let mut behind = 0;
    for number in (0..base.parts.len()).rev() {
        let text = part(number).await?;
        let Some((offset, mut left)) = find(&text, behind) else {
            behind += text.len() as u64;
            continue;
        };
        let mut file = tokio::fs::File::create(to).await?;
        let mut text = &text[offset..];
        let mut further = number + 1;
        let mut next;
        loop {
            let take = text.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            file.write_all(&text[..take]).await?;
            left -= take as u64;
            if left == 0 {
                break;
            }
            next = part(further).await?;
            text = &next;
            further += 1;
        }
        file.flush().await?;
        return Ok(());
    }
    Err(wrong())
}

/// Where the content of [`FILE_LIST`] begins in a piece of a tar file, and its bytes, when its header
/// is in that piece and it is the last file: `behind` bytes of the tar file follow the piece. What
/// looks like it inside of another file does not end where the tar file does.
fn find(text: &[u8], behind: u64) -> Option<(usize, u64)> {
    let blocks = text.len() / BLOCK;
    (0..blocks).rev().find_map(|block| {
        let content = (block + 1) * BLOCK;
        let header = text.get(block * BLOCK..content)?;
        if !header.starts_with(FILE_LIST.as_bytes()) {
            return None;
        }
        let header = tar::Header::from_byte_slice(header);
        let size = header.entry_size().ok()?;
        let sum: u32 = header.as_bytes().iter().map(|byte| u32::from(*byte)).sum();
        let own: u32 = header.as_old().cksum.iter().map(|b| u32::from(*b)).sum();
        // The sum is made with blanks in its own place.
        let right = sum - own + 8 * u32::from(b' ') == header.cksum().ok()?;
        let named = header.path_bytes().as_ref() == FILE_LIST.as_bytes();
        let rest = (text.len() - content) as u64 + behind;
        let trailer = rest.checked_sub(size.next_multiple_of(BLOCK as u64))?;
        (right && named && trailer <= LONGEST_TRAILER).then_some((content, size))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tar file with a list of `size` bytes at its end, after a file that holds another tar file.
    fn archive(size: usize, inner: &[u8]) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        for (name, content) in [("base/1/2", inner.to_vec()), (FILE_LIST, vec![b'x'; size])] {
            let mut header = tar::Header::new_ustar();
            header.set_size(content.len() as u64);
            header.set_mode(0o600);
            tar.append_data(&mut header, name, content.as_slice())
                .unwrap();
        }
        tar.into_inner().unwrap()
    }

    #[test]
    fn the_list_is_found_from_the_end_and_only_there() {
        for size in [0, 1, 511, 512, 513, 5000] {
            let inner = archive(700, b"abc");
            let text = archive(size, &inner);
            let (at, bytes) = find(&text, 0).unwrap();
            assert_eq!(bytes, size as u64);
            assert!(text[at..at + size].iter().all(|byte| *byte == b'x'));
            // Cut behind its header: the rest is in the next piece.
            let (first, rest) = text.split_at(at);
            assert_eq!(find(first, rest.len() as u64), Some((at, size as u64)));
            assert_eq!(find(rest, 0), None);
            // The one inside of a file is not the end of it all.
            let (before, behind) = text.split_at(BLOCK + inner.len());
            assert_eq!(find(before, behind.len() as u64 + 16 * 1024), None);
        }
        assert_eq!(find(&[0; 5000], 0), None);
    }

    #[test]
    fn servers_that_make_no_increments_are_refused_with_the_remedy() {
        for (major, summarizes, words) in [(16, true, "17"), (17, false, "summarize_wal = on")] {
            let error = summarizes_wal(major, summarizes).unwrap_err();
            assert_eq!(error.kind(), Kind::BackupRefused);
            assert!(error.hint_text().contains(words), "{}", error.hint_text());
        }
        summarizes_wal(17, true).unwrap();
    }
}
