//! The databases of the target's server: the target, those being built, those kept.

use serde::Serialize;

use crate::config::Target;
use crate::copy::{Mark, Stage};
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::sql::{Ident, literal};

/// The number that the advisory locks of copies begin with; the target's name is hashed into the
/// other half of the key.
const LOCK_SPACE: i32 = 0x7469_6465;

/// Settings of a database that is being built.
const QUIET: &[(&str, &str)] = &[
    ("log_error_verbosity", "terse"),
    ("log_statement", "none"),
    ("log_min_duration_statement", "-1"),
];

/// Tries for the lock, and the time between two: some seconds.
const LOCK_TRIES: u32 = 30;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(100);

/// The target's server, over a connection to a database that is no part of the copy.
#[derive(Debug)]
pub struct Databases {
    /// The connection.
    pub session: Session,
    /// The target.
    pub target: Target,
    /// The name of the target's database.
    pub name: Ident,
}

/// One database of a copy.
#[derive(Debug, Clone, Serialize)]
pub struct Listed {
    /// Its name.
    pub name: Ident,
    /// What is noted on it.
    pub mark: Mark,
}

impl Databases {
    /// Connects to a maintenance database of the target's server.
    ///
    /// # Errors
    /// The server is out of reach or lets the role into no maintenance database.
    pub async fn open(target: &Target) -> Result<Self> {
        let name = Ident::new(target.database())?;
        let mut last = None;
        for database in ["postgres", "template1"] {
            if database == name.as_str() {
                continue;
            }
            match Session::connect(&target.at_database(database), "copy").await {
                Ok(session) => {
                    session
                        .batch_execute("set idle_session_timeout = 0; set lock_timeout = '30s'")
                        .await?;
                    return Ok(Self {
                        session,
                        target: target.clone(),
                        name,
                    });
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.unwrap_or_else(|| Error::new(Kind::Internal, "no maintenance database")))
    }

    /// Locks the target for this run; the lock ends with the session. A run that was killed a
    /// moment ago is given some time to be noticed by the server.
    ///
    /// # Errors
    /// [`Kind::RunnerBusy`] when another run works on it.
    pub async fn lock(&self) -> Result<()> {
        for _ in 0..LOCK_TRIES {
            let row = self
                .session
                .query_one(
                    "select pg_catalog.pg_try_advisory_lock($1, pg_catalog.hashtext($2))",
                    &[&LOCK_SPACE, &self.name.as_str()],
                )
                .await?;
            if row.get(0) {
                return Ok(());
            }
            tokio::time::sleep(LOCK_PAUSE).await;
        }
        Err(Error::new(
            Kind::RunnerBusy,
            format!("another copy to {} is under way", self.target.environment),
        ))
    }

    /// Refuses a role that cannot create databases.
    ///
    /// # Errors
    /// [`Kind::CopyRefused`].
    pub async fn require_createdb(&self) -> Result<()> {
        let row = self
            .session
            .query_one(
                "select rolcreatedb or rolsuper from pg_catalog.pg_roles where rolname = current_user",
                &[],
            )
            .await?;
        if row.get(0) {
            return Ok(());
        }
        Err(Error::new(
            Kind::CopyRefused,
            format!(
                "the role {} may not create databases on the server of {}",
                self.target.role(),
                self.target.environment
            ),
        )
        .hint(format!("alter role {} createdb", self.target.role())))
    }

    /// Whether a database of that name exists.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn exists(&self, name: &Ident) -> Result<bool> {
        let row = self
            .session
            .query_opt(
                "select from pg_catalog.pg_database where datname = $1",
                &[&name.as_str()],
            )
            .await?;
        Ok(row.is_some())
    }

    /// The databases of copies to this target, the newest run first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(&self) -> Result<Vec<Listed>> {
        let rows = self
            .session
            .query(
                "select d.datname::text, pg_catalog.shobj_description(d.oid, 'pg_database') \
                 from pg_catalog.pg_database as d",
                &[],
            )
            .await?;
        let mut found = Vec::new();
        for row in rows {
            let mark = row
                .get::<_, Option<String>>(1)
                .and_then(|text| Mark::read(&text));
            if let Some(mark) = mark.filter(|mark| mark.database == self.name.as_str()) {
                let name = Ident::new(row.get::<_, String>(0))?;
                found.push(Listed { name, mark });
            }
        }
        found.sort_by(|a, b| b.mark.run.cmp(&a.mark.run));
        Ok(found)
    }

    /// The newest database of a copy at one of these stages.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn newest(&self, stages: &[Stage]) -> Result<Option<Listed>> {
        let all = self.list().await?;
        Ok(all.into_iter().find(|one| stages.contains(&one.mark.stage)))
    }

    /// Notes on a database what it is.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn mark(&self, name: &Ident, mark: &Mark) -> Result<()> {
        let comment = literal(&mark.comment()?);
        let sql = format!("comment on database {name} is {comment}");
        Ok(self.session.batch_execute(&sql).await?)
    }

    /// Whether people may connect to a database.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn open_to_people(&self, name: &Ident, open: bool) -> Result<()> {
        let sql = format!("alter database {name} with allow_connections {open}");
        Ok(self.session.batch_execute(&sql).await?)
    }

    /// Keeps rows out of the server's log while a database is being built: a constraint that fails
    /// would quote one (`DETAIL: Failing row contains ...`). What is logged could only be masked by
    /// then, but a log is copied further than a database. Needs a superuser; without one nothing is
    /// set, and [`Databases::loud`] says so. A promotion resets it.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn silence(&self, name: &Ident) -> Result<()> {
        if !self.is_superuser().await? {
            return Ok(());
        }
        let settings: Vec<String> = QUIET
            .iter()
            .map(|(setting, value)| format!("alter database {name} set {setting} = {value}"))
            .collect();
        Ok(self.session.batch_execute(&settings.join("; ")).await?)
    }

    /// A remark when the server logs details of errors and the role may not switch that off.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn loud(&self) -> Result<Option<String>> {
        if self.is_superuser().await? {
            return Ok(None);
        }
        let row = self
            .session
            .query_one(
                "select pg_catalog.current_setting('log_error_verbosity')",
                &[],
            )
            .await?;
        let verbosity: String = row.get(0);
        Ok((verbosity != "terse").then(|| {
            format!(
                "the target's server logs details of errors (log_error_verbosity = {verbosity}): \
                 a masked row that breaks a constraint would be quoted there"
            )
        }))
    }

    /// Drops a database that a copy has made, whoever is connected.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn discard(&self, name: &Ident) -> Result<()> {
        let sql = format!("drop database if exists {name} with (force)");
        Ok(self.session.batch_execute(&sql).await?)
    }

    /// The roles of the server.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn roles(&self) -> Result<std::collections::BTreeSet<String>> {
        let rows = self
            .session
            .query("select rolname::text from pg_catalog.pg_roles", &[])
            .await?;
        Ok(rows.iter().map(|row| row.get(0)).collect())
    }

    /// Whether the role of this connection is a superuser.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn is_superuser(&self) -> Result<bool> {
        let row = self
            .session
            .query_one(
                "select rolsuper from pg_catalog.pg_roles where rolname = current_user",
                &[],
            )
            .await?;
        Ok(row.get(0))
    }
}
