//! Gives a copied cluster an identity of its own.
//!
//! Copies of one initialized cluster share their system identifier, by which Tidegate tells
//! databases apart, so a plan made for one could run on another. The identifier is the first
//! field of `global/pg_control` (`ControlFileData`); the checksum is a CRC-32C of everything
//! before it. Its place differs between versions and is found by computing: it is where the
//! stored value equals the checksum of what precedes. `pg_resetwal` then writes WAL that carries
//! the new identifier, as `pg_createsubscriber` of PostgreSQL 17 does.

use std::io::{Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{Mode, OFlags};

use super::folder;
use crate::error::{Error, Kind, Result};

/// `ControlFileData` stays below one disk sector, so that it is written at once.
const LARGEST: usize = 512;

/// Writes `identifier` into the control file of the stopped cluster in `data`, which belongs to
/// user `owner`.
///
/// # Errors
/// The file cannot be read or written, or its checksum is not found.
pub(super) fn set_system_identifier(data: &Path, owner: u32, identifier: u64) -> Result<()> {
    let named = |error: rustix::io::Errno| folder::at(data, error);
    // Every step refuses links: root writes here into a folder of another user.
    let folder_flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let top = rustix::fs::open(data, folder_flags, Mode::empty()).map_err(named)?;
    let global = rustix::fs::openat(&top, "global", folder_flags, Mode::empty()).map_err(named)?;
    let flags = OFlags::RDWR | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::openat(&global, "pg_control", flags, Mode::empty()).map_err(named)?;
    let mut file = std::fs::File::from(file);
    let facts = file.metadata().map_err(|error| folder::at(data, error))?;
    if !facts.is_file() || facts.uid() != owner || facts.nlink() != 1 {
        return Err(Error::new(
            Kind::ServerStart,
            format!(
                "the control file of {} is not a plain file of its owner",
                data.display()
            ),
        ));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)
        .map_err(|error| folder::at(data, error))?;
    replace(&mut bytes, identifier).ok_or_else(|| {
        Error::new(
            Kind::ServerStart,
            format!(
                "the checksum of the control file of {} was not found",
                data.display()
            ),
        )
    })?;
    file.rewind()
        .and_then(|()| file.write_all(&bytes))
        .and_then(|()| file.sync_all())
        .map_err(|error| folder::at(data, error))
}

fn replace(bytes: &mut [u8], identifier: u64) -> Option<()> {
    let place = checksum_place(bytes)?;
    bytes
        .get_mut(..8)?
        .copy_from_slice(&identifier.to_ne_bytes());
    let sum = crc32c(bytes.get(..place)?).to_ne_bytes();
    bytes.get_mut(place..place + 4)?.copy_from_slice(&sum);
    Some(())
}

fn checksum_place(bytes: &[u8]) -> Option<usize> {
    (64..=LARGEST - 4).step_by(4).find(|&place| {
        let stored = bytes.get(place..place + 4);
        stored.is_some_and(|stored| stored == crc32c(&bytes[..place]).to_ne_bytes())
    })
}

/// CRC-32C (Castagnoli), bit by bit: a few hundred bytes once per cluster need no table.
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| {
            (sum >> 1) ^ (0x82f6_3b78 & (sum & 1).wrapping_neg())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_crc_32c() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
    }

    #[test]
    fn the_checksum_is_found_wherever_it_stands() {
        for place in [288, 292, 296] {
            let mut bytes: Vec<u8> = (0_u16..512).map(|n| (n * 7 % 251) as u8).collect();
            let sum = crc32c(&bytes[..place]).to_ne_bytes();
            bytes[place..place + 4].copy_from_slice(&sum);
            replace(&mut bytes, 42).unwrap();
            assert_eq!(checksum_place(&bytes), Some(place));
            assert_eq!(bytes[..8], 42_u64.to_ne_bytes());
        }
    }

    #[test]
    fn a_damaged_control_file_is_left_alone() {
        let mut bytes = vec![7; 8192];
        assert!(replace(&mut bytes, 42).is_none());
        assert!(replace(&mut [0; 3], 42).is_none());
        assert_eq!(bytes, vec![7; 8192]);
    }
}
