//! Sealed files read piece by piece, by threads that may wait: what is in memory does not grow with
//! the file.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::{Buf as _, Bytes};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use super::{Opener, SealKey};
use crate::error::{Error, Kind, Result};

/// Bytes of a file that are read at once.
const BUFFER: usize = 256 * 1024;
/// Pieces of a network's stream that wait to be read.
const WAITING: usize = 16;
/// Above so many sealed bytes a text may be long.
const SHORT: u64 = 16 * 1024;
/// Room for a long text. The C library gives blocks of this size back to the system when they are
/// freed; smaller ones it keeps in the arena of the thread that made them, once it has seen a few
/// (mallopt(3), `M_MMAP_THRESHOLD`, whose highest value is 32 MiB). Only what is written into takes
/// memory.
const LARGE: usize = (32 << 20) + 1;
/// What is longer gets a buffer that goes back to the system at once.
const SMALL: usize = 1 << 20;

/// An empty buffer with room for `bytes`. A long one goes back to the system when it is freed, and is
/// not kept by the thread that made it; room that is not written into takes no memory.
#[must_use]
pub fn room(bytes: usize) -> Vec<u8> {
    Vec::with_capacity(if bytes > SMALL {
        bytes.max(LARGE)
    } else {
        bytes
    })
}

/// The buffer of bytes that nobody else holds any more, to be used again; otherwise an empty one.
#[must_use]
pub fn reclaimed(bytes: Bytes) -> Vec<u8> {
    if bytes.is_unique() {
        Vec::from(bytes)
    } else {
        Vec::new()
    }
}

/// The bytes of a file.
#[derive(Debug)]
pub(super) enum Reader {
    File(BufReader<File>),
    Stream(Pumped),
}

/// A stream that a task of its own reads.
#[derive(Debug)]
pub(super) struct Pumped {
    receive: mpsc::Receiver<Result<Bytes>>,
    piece: Bytes,
    /// What came when the beginning was looked at.
    failed: Option<Error>,
    pump: AbortHandle,
}

impl Reader {
    pub(super) fn of_file(file: File) -> Self {
        Self::File(BufReader::with_capacity(BUFFER, file))
    }

    pub(super) fn of_stream(mut stream: BoxStream<'static, Result<Bytes>>) -> Self {
        let (send, receive) = mpsc::channel(WAITING);
        let pump = tokio::spawn(async move {
            while let Some(piece) = stream.next().await {
                let last = piece.is_err();
                if send.send(piece).await.is_err() || last {
                    return;
                }
            }
        });
        Self::Stream(Pumped {
            receive,
            piece: Bytes::new(),
            failed: None,
            pump: pump.abort_handle(),
        })
    }

    /// The first bytes, `count` of them where there are so many, before anything is read. They are read
    /// again, and so is what went wrong.
    pub(super) async fn ahead(&mut self, count: usize) -> Vec<u8> {
        match self {
            Self::File(file) => {
                let mut head = vec![0; count];
                let read = file.get_ref().read_at(&mut head, 0).unwrap_or_default();
                head.truncate(read);
                head
            }
            Self::Stream(stream) => stream.ahead(count).await,
        }
    }
}

impl Pumped {
    async fn ahead(&mut self, count: usize) -> Vec<u8> {
        while self.piece.len() < count && self.failed.is_none() {
            match self.receive.recv().await {
                Some(Ok(piece)) if self.piece.is_empty() => self.piece = piece,
                Some(Ok(piece)) => self.piece = [&self.piece[..], &piece].concat().into(),
                Some(Err(error)) => self.failed = Some(error),
                None => break,
            }
        }
        self.piece[..count.min(self.piece.len())].to_vec()
    }
}

impl Drop for Pumped {
    fn drop(&mut self) {
        self.pump.abort();
    }
}

impl Read for Reader {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.read(bytes).map_err(|error| {
                io::Error::other(Error::new(Kind::Storage, error.to_string()).because(error))
            }),
            Self::Stream(stream) => stream.read(bytes),
        }
    }
}

impl Read for Pumped {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            if let Some(error) = self.failed.take() {
                return Err(io::Error::other(error));
            }
            match self.receive.blocking_recv() {
                Some(piece) => self.piece = piece.map_err(io::Error::other)?,
                None => return Ok(0),
            }
        }
        let count = bytes.len().min(self.piece.len());
        self.piece.copy_to_slice(&mut bytes[..count]);
        Ok(count)
    }
}

/// A sealed file that is not opened yet.
#[derive(Debug)]
pub struct Sealed {
    name: String,
    reader: Reader,
    bytes: u64,
    key: Arc<SealKey>,
}

impl Sealed {
    pub(super) fn new(name: &str, (reader, bytes): (Reader, u64), key: &Arc<SealKey>) -> Self {
        Self {
            name: name.to_owned(),
            reader,
            bytes,
            key: Arc::clone(key),
        }
    }

    /// What ends a stream of the network, so that nobody waits for it any more; none for a file.
    #[must_use]
    pub fn stopper(&self) -> Option<AbortHandle> {
        match &self.reader {
            Reader::File(_) => None,
            Reader::Stream(stream) => Some(stream.pump.clone()),
        }
    }

    /// Opens it. Blocks.
    ///
    /// # Errors
    /// [`Kind::SealKey`] when another key sealed it, [`Kind::SealBroken`] when it is damaged; both
    /// name it.
    pub fn open(self) -> Result<Text> {
        let named = |error: Error| Error::new(error.kind(), format!("{}: {error}", self.name));
        let opener = Opener::new(self.reader, &self.key).map_err(named)?;
        Ok(Text {
            opener,
            long: self.bytes > SHORT,
            name: self.name,
        })
    }
}

/// The text of a sealed file. It comes out before the end of the file was seen: whoever acts on it
/// must read to the end first, or be able to take it back.
#[derive(Debug)]
pub struct Text {
    opener: Opener<Reader>,
    long: bool,
    name: String,
}

impl Text {
    /// Reads some of it; 0 at its end, when the file was seen to be whole. Blocks.
    ///
    /// # Errors
    /// [`Kind::SealBroken`] names the file, [`Kind::Storage`] when the place is out of reach.
    pub fn read(&mut self, bytes: &mut [u8]) -> Result<usize> {
        self.opener
            .read(bytes)
            .map_err(|error| broken(&self.name, error))
    }

    /// Reads all of it. Blocks.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn whole(mut self) -> Result<Vec<u8>> {
        let mut text = room(if self.long { LARGE } else { 0 });
        let read = self.opener.read_to_end(&mut text);
        read.map_err(|error| broken(&self.name, error))?;
        Ok(text)
    }
}

/// What an error of reading means: the place is out of reach, or the file is not what it was.
fn broken(name: &str, error: io::Error) -> Error {
    let damaged = Error::new(
        Kind::SealBroken,
        format!("{name} is damaged: its seal does not hold"),
    );
    match error.downcast::<Error>() {
        Ok(told) if told.kind() == Kind::Storage => told,
        Ok(told) => damaged.because(told),
        Err(error) => damaged.because(error),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use futures_util::stream;
    use secrecy::SecretString;

    use super::super::Sealer;
    use super::*;

    fn key() -> Arc<SealKey> {
        let text = "8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";
        Arc::new(SealKey::parse(&SecretString::from(text.to_owned())).unwrap())
    }

    /// A sealed file of several frames that come in small pieces; `cut` of them fail to come.
    fn streamed(text: &[u8], lost: Option<usize>) -> Sealed {
        let key = key();
        let mut sealer = Sealer::new(Vec::new(), &key, [7; 32]).unwrap();
        sealer.write_all(text).unwrap();
        let sealed = sealer.finish().unwrap();
        let bytes = sealed.len() as u64;
        let mut pieces: Vec<Result<Bytes>> = sealed
            .chunks(1000)
            .map(|piece| Ok(Bytes::copy_from_slice(piece)))
            .collect();
        if let Some(number) = lost {
            pieces.truncate(number);
            pieces.push(Err(Error::new(Kind::Storage, "the line is down")));
        }
        let reader = Reader::of_stream(stream::iter(pieces).boxed());
        Sealed::new("x/1", (reader, bytes), &key)
    }

    fn random() -> Vec<u8> {
        (0..700_000).map(|_| rand::random()).collect()
    }

    async fn whole(sealed: Sealed) -> Result<Vec<u8>> {
        tokio::task::spawn_blocking(|| sealed.open()?.whole())
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_stream_gives_what_was_sealed() {
        let text = random();
        assert!(whole(streamed(&text, None)).await.unwrap() == text);
        assert_eq!(whole(streamed(b"", None)).await.unwrap(), b"");
    }

    #[tokio::test]
    async fn a_line_that_is_down_is_no_damage() {
        for number in [0, 1, 400] {
            let error = whole(streamed(&random(), Some(number))).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Storage, "{error}");
            assert!(error.to_string().contains("the line is down"), "{error}");
        }
    }

    #[tokio::test]
    async fn what_was_looked_at_is_read_all_the_same() {
        let text = random();
        for pieces in [1, 7, 100_000] {
            let given = text.chunks(pieces).take(40).map(Bytes::copy_from_slice);
            let given: Vec<Bytes> = given.collect();
            let wanted = given.concat();
            let all = given.into_iter().map(Ok);
            let lost = [Err(Error::new(Kind::Storage, "the line is down"))];
            let mut reader = Reader::of_stream(stream::iter(all.chain(lost)).boxed());
            let head = reader.ahead(16).await;
            assert_eq!(head, wanted[..16.min(wanted.len())]);
            // More than there is.
            let head = reader.ahead(wanted.len() + 1).await;
            assert_eq!(head, wanted);
            let read = tokio::task::spawn_blocking(move || {
                let mut found = Vec::new();
                let ended = reader.read_to_end(&mut found);
                (found, ended)
            });
            let (found, ended) = read.await.unwrap();
            assert_eq!(found, wanted, "{pieces}");
            assert!(ended.unwrap_err().to_string().contains("the line is down"));
        }
    }

    #[tokio::test]
    async fn a_stream_that_was_stopped_is_no_whole_file() {
        let key = key();
        let never = stream::pending::<Result<Bytes>>().boxed();
        let sealed = Sealed::new("x/1", (Reader::of_stream(never), 0), &key);
        let stopper = sealed.stopper().unwrap();
        let reading = tokio::spawn(whole(sealed));
        stopper.abort();
        let error = reading.await.unwrap().unwrap_err();
        assert_eq!(error.kind(), Kind::SealBroken, "{error}");
    }
}
