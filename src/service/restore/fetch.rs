//! The files of a base backup: parts are opened some at a time, piece by piece, and unpacked in their
//! order. What is in memory does not grow with a part.

use std::io::{Read, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::BytesMut;
use ring::digest;
use tar::EntryType;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::beneath::Beneath;
use super::place::Spot;
use crate::error::{Error, Kind, Result};
use crate::recovery::{BackupManifest, Part, Stream, Unpacked};
use crate::storage::{Repository, Sealed};

/// Parts that are open at once: the one that is unpacked, and those that come next.
const OPEN: usize = 3;
/// Bytes of text that are handed over at once.
const PIECE: usize = 512 * 1024;
/// Pieces that wait in each part, so that one is fetched to its end while another is unpacked: 16 MiB.
const WAITING: usize = 32;
/// Bytes that are written at once.
const BUFFER: usize = 256 * 1024;

/// The text of a part, as it comes.
type Pieces = mpsc::Receiver<Result<BytesMut>>;

/// Pieces that are not in use. All of them are cut from one block, which is too large for the arenas
/// of the C library: it goes back to the system as a whole.
#[derive(Clone)]
struct Pool(Arc<Mutex<Vec<BytesMut>>>);

impl Pool {
    /// As many as wait in all open parts, and one in each hand.
    fn new() -> Self {
        let count = OPEN * WAITING + OPEN + 1;
        let mut block = BytesMut::zeroed(count * PIECE);
        let pieces = (0..count).map(|_| block.split_to(PIECE)).collect();
        Self(Arc::new(Mutex::new(pieces)))
    }

    fn take(&self) -> BytesMut {
        let mut pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pieces.pop().unwrap_or_else(|| BytesMut::zeroed(PIECE))
    }

    fn give(&self, mut piece: BytesMut) {
        if piece.capacity() >= PIECE {
            // The bytes are there; whoever takes it writes over them.
            piece.resize(PIECE, 0);
            let mut pieces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            pieces.push(piece);
        }
    }
}

/// Unpacks every stream of `backup` into the folder of its spot; gives the bytes, and what each file
/// is. `writing` is held by whoever writes.
///
/// # Errors
/// A part that is missing, does not open or is not the one of the manifest; a disk that is full.
pub(super) async fn unpack(
    repository: &Repository,
    backup: &BackupManifest,
    spots: &[Spot],
    writing: &Arc<Mutex<()>>,
) -> Result<(u64, Unpacked)> {
    let mut files = Unpacked::default();
    let pool = Pool::new();
    for (stream, spot) in backup.streams.iter().zip(spots) {
        // The one that is sent waits outside, the one that is unpacked was taken out.
        let (send, receive) = mpsc::channel::<Pieces>(OPEN - 2);
        let (folder, writing) = (spot.folder.clone(), Arc::clone(writing));
        let prefix = match spot.stream.as_str() {
            "base" => String::new(),
            oid => format!("pg_tblspc/{oid}/"),
        };
        let fault = Fault::default();
        let parts = Parts::new(receive, (pool.clone(), Arc::clone(&fault)));
        let unpacking = tokio::task::spawn_blocking(move || {
            let _writing = writing.lock().unwrap_or_else(PoisonError::into_inner);
            write(&folder, &prefix, parts)
        });
        let mut opening = Opening {
            repository,
            pool: pool.clone(),
            streams: Vec::new(),
        };
        let opened = opening.open(backup, stream, send).await;
        // Also after an error: nobody may write into a folder that the caller removes.
        let done = unpacking
            .await
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        // The last parts were still being read until now.
        drop(opening);
        opened?;
        if let Some(error) = fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
            return Err(error);
        }
        files.extend(done.map_err(|error| unpacked_badly(&backup.id, &error))?);
    }
    Ok((backup.bytes, files))
}

/// What was wrong with a part; the library that unpacks knows errors of input and output alone.
type Fault = Arc<Mutex<Option<Error>>>;

/// Parts that are being opened. Streams of the network end with this value: a thread that waits for
/// one must not wait for ever when nobody wants its text any more.
struct Opening<'a> {
    repository: &'a Repository,
    pool: Pool,
    streams: Vec<AbortHandle>,
}

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        for stream in &self.streams {
            stream.abort();
        }
    }
}

impl Opening<'_> {
    /// Opens the parts of a stream in their order, as fast as they are taken.
    async fn open(
        &mut self,
        backup: &BackupManifest,
        stream: &Stream,
        send: mpsc::Sender<Pieces>,
    ) -> Result<()> {
        for (number, part) in stream.parts.iter().enumerate() {
            let name = BackupManifest::part_name(&backup.id, &stream.name, number);
            let sealed = self.repository.sealed(&name).await?;
            self.streams.retain(|stream| !stream.is_finished());
            self.streams.extend(sealed.stopper());
            let (pieces, receive) = mpsc::channel(WAITING);
            let (part, pool) = (part.clone(), self.pool.clone());
            tokio::task::spawn_blocking(move || {
                if let Err(error) = read(sealed, (&name, &part), &pool, &pieces) {
                    let _ = pieces.blocking_send(Err(error));
                }
            });
            // A receiver that is gone has an error of its own.
            if send.send(receive).await.is_err() {
                break;
            }
        }
        Ok(())
    }
}

/// Reads a part to its end. That it is the one of the manifest is known only then: what was written
/// of it goes with the whole restore when it is not.
fn read(
    sealed: Sealed,
    (name, part): (&str, &Part),
    pool: &Pool,
    pieces: &mpsc::Sender<Result<BytesMut>>,
) -> Result<()> {
    let mut text = sealed.open()?;
    let (mut bytes, mut hash) = (0, digest::Context::new(&digest::SHA256));
    loop {
        let mut piece = pool.take();
        let mut filled = 0;
        while filled < PIECE {
            match text.read(&mut piece[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        piece.truncate(filled);
        hash.update(&piece);
        bytes += filled as u64;
        if filled > 0 && pieces.blocking_send(Ok(piece)).is_err() {
            return Ok(());
        }
        if filled < PIECE {
            break;
        }
    }
    if bytes == part.bytes && hex::encode(hash.finish()) == part.sha256 {
        return Ok(());
    }
    Err(Error::new(
        Kind::SealBroken,
        format!("{name} is not the part that the manifest names"),
    ))
}

/// Unpacks one tar file. What each file is, is told from the very bytes that are written, so that
/// nobody has to read them again.
fn write(folder: &Path, prefix: &str, parts: impl Read) -> std::io::Result<Unpacked> {
    let mut files = Unpacked::default();
    let mut beneath = Beneath::open(folder)?;
    let mut archive = tar::Archive::new(parts);
    let mut buffer = vec![0; BUFFER];
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.into_owned();
        let mode = entry.header().mode()?;
        match entry.header().entry_type() {
            EntryType::Regular => {
                let (path, file) = beneath.file(&path, mode & 0o777)?;
                let (bytes, sha256) = copy(&mut entry, file, &mut buffer)?;
                files.note(format!("{prefix}{}", path.display()), bytes, sha256);
            }
            EntryType::Directory => beneath.folder(&path, mode & 0o750)?,
            // The restore makes its own, to folders of its own.
            EntryType::Symlink if is_tablespace(&path) => {}
            other => {
                let path = path.display();
                let text = format!("{path} is of the type {other:?}, which no backup has");
                return Err(std::io::Error::other(text));
            }
        }
    }
    // The end of the archive is padded; every part must have been asked for and be whole.
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink())?;
    Ok(files)
}

/// Copies the content of a file; gives its bytes and their SHA-256.
fn copy(
    from: &mut impl Read,
    mut to: std::fs::File,
    buffer: &mut [u8],
) -> std::io::Result<(u64, [u8; 32])> {
    let (mut bytes, mut hash) = (0, digest::Context::new(&digest::SHA256));
    loop {
        let read = from.read(buffer)?;
        if read == 0 {
            break;
        }
        to.write_all(&buffer[..read])?;
        hash.update(&buffer[..read]);
        bytes += read as u64;
    }
    let mut sha256 = [0; 32];
    sha256.copy_from_slice(hash.finish().as_ref());
    Ok((bytes, sha256))
}

/// Whether a path is that of a tablespace's link.
fn is_tablespace(path: &Path) -> bool {
    let path = path.strip_prefix(".").unwrap_or(path);
    let oid = path.strip_prefix("pg_tblspc").ok().and_then(Path::to_str);
    oid.is_some_and(|oid| !oid.is_empty() && oid.bytes().all(|byte| byte.is_ascii_digit()))
}

fn unpacked_badly(id: &str, error: &std::io::Error) -> Error {
    use std::error::Error as _;
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    Error::new(
        Kind::RestoreFailed,
        format!("backup {id} is not unpacked: {text}"),
    )
}

/// Parts as one stream, for a thread that may wait.
struct Parts {
    receive: mpsc::Receiver<Pieces>,
    pieces: Option<Pieces>,
    piece: BytesMut,
    at: usize,
    pool: Pool,
    fault: Fault,
}

impl Parts {
    fn new(receive: mpsc::Receiver<Pieces>, (pool, fault): (Pool, Fault)) -> Self {
        Self {
            receive,
            pieces: None,
            piece: BytesMut::new(),
            at: 0,
            pool,
            fault,
        }
    }

    /// The next piece; none at the end.
    fn next(&mut self) -> std::io::Result<Option<BytesMut>> {
        loop {
            match &mut self.pieces {
                Some(pieces) => match pieces.blocking_recv() {
                    Some(Ok(piece)) => return Ok(Some(piece)),
                    Some(Err(error)) => {
                        let mut fault = self.fault.lock().unwrap_or_else(PoisonError::into_inner);
                        fault.get_or_insert(error);
                        return Err(std::io::Error::other("a part does not open"));
                    }
                    None => self.pieces = None,
                },
                None => match self.receive.blocking_recv() {
                    Some(pieces) => self.pieces = Some(pieces),
                    None => return Ok(None),
                },
            }
        }
    }
}

impl Read for Parts {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        while self.at == self.piece.len() {
            match self.next()? {
                Some(piece) => {
                    self.pool.give(std::mem::replace(&mut self.piece, piece));
                    self.at = 0;
                }
                None => return Ok(0),
            }
        }
        let count = bytes.len().min(self.piece.len() - self.at);
        bytes[..count].copy_from_slice(&self.piece[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An entry of a tar file as a hostile server may send it.
    fn entry(kind: EntryType, name: &str, link: &str, content: &[u8]) -> Vec<u8> {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(0o600);
        header.set_size(content.len() as u64);
        header.set_cksum();
        let mut text = header.as_bytes().to_vec();
        text.extend(content);
        text.resize(text.len().next_multiple_of(512), 0);
        text
    }

    #[test]
    fn no_link_of_a_backup_is_made_or_followed() {
        let outside = tempfile::tempdir().unwrap();
        let away = outside.path().to_str().unwrap();
        let file = |name: &str| entry(EntryType::Regular, name, "", b"planted");
        let link = |kind, name: &str| entry(kind, name, away, b"");
        let hostile = [
            [link(EntryType::Symlink, "lnk"), file("lnk/x")].concat(),
            [link(EntryType::Link, "lnk"), file("lnk/x")].concat(),
            link(EntryType::Symlink, "pg_tblspc/1/2"),
            link(EntryType::Fifo, "fifo"),
            entry(EntryType::Char, "device", "", b""),
            file(&format!("{away}/x")),
            file("../x"),
        ];
        for text in hostile {
            let root = tempfile::tempdir().unwrap();
            let folder = root.path().join("data");
            std::fs::create_dir(&folder).unwrap();
            assert!(write(&folder, "", text.as_slice()).is_err());
            assert_eq!(folder.read_dir().unwrap().count(), 0);
            assert_eq!(root.path().read_dir().unwrap().count(), 1);
        }
        assert_eq!(outside.path().read_dir().unwrap().count(), 0);
    }

    #[test]
    fn the_links_of_tablespaces_are_left_to_the_restore() {
        let root = tempfile::tempdir().unwrap();
        let links = ["pg_tblspc/16385", "./pg_tblspc/16386"];
        let mut text = links
            .map(|name| entry(EntryType::Symlink, name, "/mnt/fast", b""))
            .concat();
        text.extend(entry(EntryType::Directory, "pg_wal", "", b""));
        text.extend(entry(EntryType::Regular, "./PG_VERSION", "", b"15"));
        write(root.path(), "", text.as_slice()).unwrap();
        assert!(!root.path().join("pg_tblspc").exists());
        assert!(root.path().join("pg_wal").is_dir());
        assert_eq!(
            std::fs::read(root.path().join("PG_VERSION")).unwrap(),
            b"15"
        );
        assert!(!is_tablespace(Path::new("pg_tblspc")));
    }
}
