//! Increments: which backups a restore needs beside the one that is named.

use super::BackupManifest;
use crate::error::{Error, Kind, Result};

/// The backups that a restore of `backup` needs: the full one first, `backup` last. `find` knows the
/// complete backups by their ids.
///
/// # Errors
/// [`Kind::BackupMissing`] names a parent that is not there, [`Kind::SealBroken`] one that cannot be
/// a parent.
pub fn lineage<'a>(
    backup: &'a BackupManifest,
    find: impl Fn(&str) -> Option<&'a BackupManifest>,
) -> Result<Vec<&'a BackupManifest>> {
    let mut backups = vec![backup];
    let mut child = backup;
    while let Some(id) = &child.parent {
        let parent = find(id).ok_or_else(|| child.orphaned(id))?;
        child.follows(parent)?;
        backups.push(parent);
        child = parent;
    }
    backups.reverse();
    Ok(backups)
}

impl BackupManifest {
    /// The error of an increment whose parent is not there.
    #[must_use]
    pub fn orphaned(&self, parent: &str) -> Error {
        Error::new(
            Kind::BackupMissing,
            format!(
                "backup {} is an increment of {parent}, which is not there",
                self.id
            ),
        )
        .hint("restore another one with --backup: `tidegate backup list` shows them; take a full backup at once")
    }

    /// Whether this one can be an increment of `parent`. Positions grow from a parent to its
    /// children, so a lineage has an end.
    ///
    /// # Errors
    /// [`Kind::SealBroken`] with what contradicts it.
    pub fn follows(&self, parent: &Self) -> Result<()> {
        let objection = if parent.system_identifier != self.system_identifier {
            "is of another cluster"
        } else if parent.postgres / 10_000 != self.postgres / 10_000 {
            "is of another major version"
        } else if parent.start >= self.start {
            "does not begin before it"
        } else {
            return Ok(());
        };
        Err(Error::new(
            Kind::SealBroken,
            format!(
                "the manifest of backup {}: its parent {} {objection}",
                self.id, parent.id
            ),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::tests::sample;
    use super::*;
    use crate::recovery::Lsn;

    /// A backup of that day whose WAL begins at `start`.
    fn backup(day: u32, start: u64, parent: Option<u32>) -> BackupManifest {
        let id = |day: u32| format!("202611{day:02}T021500Z-0f3a9c");
        BackupManifest {
            start: Lsn(start),
            end: Lsn(start + 100),
            parent: parent.map(id),
            ..sample(&id(day), 1)
        }
    }

    fn ids(backups: &[BackupManifest], last: usize) -> Result<Vec<String>> {
        let find = |id: &str| backups.iter().find(|one| one.id == id);
        let found = lineage(&backups[last], find)?;
        Ok(found.iter().map(|one| one.id[6..8].to_owned()).collect())
    }

    #[test]
    fn the_full_one_comes_first() {
        let all = [
            backup(3, 900, Some(2)),
            backup(1, 100, None),
            backup(2, 500, Some(1)),
        ];
        assert_eq!(ids(&all, 0).unwrap(), ["01", "02", "03"]);
        assert_eq!(ids(&all, 1).unwrap(), ["01"]);
    }

    #[test]
    fn a_parent_that_is_gone_is_named_with_its_child() {
        let all = [backup(3, 900, Some(2)), backup(2, 500, Some(1))];
        let error = ids(&all, 0).unwrap_err();
        assert_eq!(error.kind(), Kind::BackupMissing);
        let text = error.to_string();
        let child = text.contains("20261102T021500Z-0f3a9c is an increment of 20261101T021500Z");
        assert!(child, "{text}");
    }

    #[test]
    fn what_cannot_be_a_parent_is_refused_and_circles_end() {
        type Lie = fn(&mut BackupManifest);
        let lies: [(Lie, &str); 4] = [
            (|parent| parent.system_identifier = 8, "another cluster"),
            (|parent| parent.postgres = 140_000, "another major"),
            (|parent| parent.start = Lsn(500), "does not begin before"),
            // A circle.
            (
                |parent| {
                    parent.start = Lsn(400);
                    parent.parent = Some("20261102T021500Z-0f3a9c".to_owned());
                },
                "does not begin before",
            ),
        ];
        for (lie, words) in lies {
            let mut all = [backup(2, 500, Some(1)), backup(1, 100, None)];
            lie(&mut all[1]);
            let error = ids(&all, 0).unwrap_err();
            assert_eq!(error.kind(), Kind::SealBroken);
            assert!(error.to_string().contains(words), "{error}");
        }
    }
}
