//! Archives as SQL into one transaction of `psql`. `pg_restore` itself would commit each archive, and
//! what comes out of a sealed file before its end must be taken back when the end does not hold.

use std::ffi::OsString;
use std::path::PathBuf;

use tokio::io::{
    AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, copy_buf,
};

use super::contents::{feed, list, names};
use super::target::{Reception, Way};
use crate::config::Target;
use crate::engines::Staging;
use crate::error::{Error, Kind, Result};
use crate::recovery::LogicalManifest;
use crate::service::programs::{Programs, option};
use crate::storage::Repository;

/// Bytes that are handed over at once.
const BUFFER: usize = 256 * 1024;
/// How long a statement waits for a lock: whoever waits for one keeps others waiting, too.
const LOCK_TIMEOUT: &str = "set lock_timeout = '5s';\n";
/// Lines in which a script's settings are; the last of them begins with [`LAST_SETTING`].
const SETTINGS: usize = 64;
const LAST_SETTING: &str = "SET row_security";

/// A load.
#[derive(Debug)]
pub(super) struct Load<'a> {
    pub(super) repository: &'a Repository,
    pub(super) backup: &'a LogicalManifest,
    pub(super) programs: &'a Programs,
    pub(super) target: &'a Target,
    /// Whether objects keep their owners and grants.
    pub(super) owners: bool,
}

/// Whether the reader of what is written is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    There,
    Gone,
}

/// One call of `pg_restore`.
struct Step {
    archive: usize,
    /// What of it, as options.
    sections: &'static [&'static str],
    /// The file with its entries, when not all of the sections: names of objects, no values of rows.
    list: Option<PathBuf>,
}

impl Load<'_> {
    /// Loads everything, or nothing.
    ///
    /// # Errors
    /// [`Kind::RestoreFailed`] with what the server said; those of the repository and the programs.
    pub(super) async fn run(&self, reception: &Reception) -> Result<()> {
        let arguments = [
            "--no-psqlrc",
            "--quiet",
            "--no-password",
            "--set=ON_ERROR_STOP=1",
            "--output=/dev/null",
            "--file=-",
        ];
        // Before anything is locked.
        let folder = Staging::new(None)?;
        let steps = self.steps(reception, &folder).await?;
        let target = Some((self.target, "restore"));
        let arguments = arguments.map(OsString::from);
        let mut psql = self.programs.piped("psql", target, &arguments)?;
        let mut script = psql.stdin()?;
        // When this fails, the session ends without COMMIT, and the server takes everything back.
        let reader = self.write(&mut script, reception, &steps).await?;
        drop(script);
        let ended = psql.end().await;
        match (ended, reader) {
            (Ok(()), Reader::There) => Ok(()),
            (Ok(()), Reader::Gone) => Err(Error::new(
                Kind::RestoreFailed,
                "psql ended before everything was loaded; nothing was changed",
            )),
            (Err(error), _) => Err(failed(&error)),
        }
    }

    async fn write(
        &self,
        script: &mut (impl AsyncWrite + Unpin),
        reception: &Reception,
        steps: &[Step],
    ) -> Result<Reader> {
        let whole = reception.archives.iter().any(|(_, way)| *way == Way::Whole);
        let mut first = LOCK_TIMEOUT.to_owned();
        if !whole {
            first.push_str("begin;\n");
        }
        for statement in &reception.before {
            first.push_str(statement);
            first.push('\n');
        }
        if told(script.write_all(first.as_bytes()).await)? == Reader::Gone {
            return Ok(Reader::Gone);
        }
        for step in steps {
            if self.pour(step, script, reception.major).await? == Reader::Gone {
                return Ok(Reader::Gone);
            }
        }
        if whole {
            return told(script.flush().await);
        }
        told(script.write_all(b"commit;\n").await)
    }

    /// All steps, in their order: all tables with their rows, then their indexes and constraints, then
    /// the foreign keys.
    async fn steps(&self, reception: &Reception, folder: &Staging) -> Result<Vec<Step>> {
        let (mut rows, mut indexes, mut keys) = (Vec::new(), Vec::new(), Vec::new());
        for (archive, way) in &reception.archives {
            let archive = *archive;
            let step = |sections, list| Step {
                archive,
                sections,
                list,
            };
            match way {
                Way::Rows => rows.push(step(&["--section=data"], None)),
                // Large objects come in transactions of their own without it.
                Way::Whole => rows.push(step(&["--single-transaction"], None)),
                Way::Anew => {
                    rows.push(step(&["--section=pre-data", "--section=data"], None));
                    let named = (
                        self.backup.id.as_str(),
                        archive,
                        &self.backup.archives[archive],
                    );
                    let contents = list(self.repository, self.programs, named).await?;
                    let others = folder.beside(&format!("others-{archive}"));
                    std::fs::write(&others, contents.others())?;
                    indexes.push(step(&["--section=post-data"], Some(others)));
                    if let Some(entries) = contents.foreign_keys() {
                        let list = folder.beside(&format!("keys-{archive}"));
                        std::fs::write(&list, entries)?;
                        keys.push(step(&["--section=post-data"], Some(list)));
                    }
                }
            }
        }
        rows.extend(indexes);
        rows.extend(keys);
        Ok(rows)
    }

    /// Part of an archive, as SQL.
    async fn pour(
        &self,
        step: &Step,
        script: &mut (impl AsyncWrite + Unpin),
        major: u32,
    ) -> Result<Reader> {
        let mut arguments: Vec<OsString> = vec!["--file=-".into(), "--no-tablespaces".into()];
        arguments.extend(step.sections.iter().map(OsString::from));
        if let Some(list) = &step.list {
            arguments.push(option("use-list", list));
        }
        if !self.owners {
            arguments.extend(["--no-owner", "--no-privileges"].map(OsString::from));
        }
        let mut restore = self.programs.piped("pg_restore", None, &arguments)?;
        let (stdin, stdout) = (restore.stdin()?, restore.stdout()?);
        let archive = &self.backup.archives[step.archive];
        let parts = names(&self.backup.id, step.archive, archive);
        let carry = async {
            let mut text = BufReader::with_capacity(BUFFER, stdout);
            if told(settings(&mut text, script, major).await)? == Reader::Gone {
                return Ok(Reader::Gone);
            }
            told(copy_buf(&mut text, script).await.map(drop))
        };
        let (reader, ()) = tokio::try_join!(carry, feed(self.repository, parts, stdin))?;
        if reader == Reader::There {
            restore.end().await?;
        }
        Ok(reader)
    }
}

/// The settings at the beginning of a script, without those that would let a statement wait for a lock
/// for ever, and that the server does not know.
async fn settings(
    text: &mut BufReader<impl AsyncRead + Unpin>,
    script: &mut (impl AsyncWrite + Unpin),
    major: u32,
) -> std::io::Result<()> {
    let mut line = Vec::new();
    for _ in 0..SETTINGS {
        line.clear();
        if text.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let waits = line.starts_with(b"SET lock_timeout");
        let unknown = line.starts_with(b"SET transaction_timeout") && major < 17;
        if !(waits || unknown) {
            script.write_all(&line).await?;
        }
        if line.starts_with(LAST_SETTING.as_bytes()) {
            return Ok(());
        }
    }
    Ok(())
}

/// A pipe that is broken has a reader that says why itself.
fn told(written: std::io::Result<()>) -> Result<Reader> {
    match written {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(error.into()),
    }
}

/// What the server refused.
fn failed(error: &Error) -> Error {
    let told = error.details().join("\n");
    let hint = if told.contains("violates foreign key constraint") {
        "restore the tables that it refers to as well, in the same command"
    } else if told.contains("role \"") && told.contains("does not exist") {
        "make that role first, or leave owners and grants out with --no-owner"
    } else if told.contains("lock timeout") {
        "somebody holds a lock on the table: try again at a quieter time"
    } else {
        "mend what the server names (a type, an extension, a table that is referred to) and run it again"
    };
    let failed = Error::new(
        Kind::RestoreFailed,
        "the server refused; nothing was changed",
    );
    let details = error.details().iter();
    details.fold(failed.hint(hint), Error::detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn settings_that_do_not_fit_are_left_out_and_rows_are_not() {
        let script = "--\n-- PostgreSQL database dump\n--\nSET statement_timeout = 0;\n\
            SET lock_timeout = 0;\nSET transaction_timeout = 0;\nSET row_security = off;\n\
            COPY t (x) FROM stdin;\nSET lock_timeout = 0;\n\\.\n";
        for (major, known) in [(16, 0), (17, 1)] {
            let mut text = BufReader::new(script.as_bytes());
            let mut out = Vec::new();
            settings(&mut text, &mut out, major).await.unwrap();
            copy_buf(&mut text, &mut out).await.unwrap();
            let out = String::from_utf8(out).unwrap();
            assert_eq!(out.matches("SET lock_timeout").count(), 1, "{out}");
            assert!(
                out.ends_with("stdin;\nSET lock_timeout = 0;\n\\.\n"),
                "{out}"
            );
            assert_eq!(out.matches("transaction_timeout").count(), known, "{out}");
        }
    }
}
