//! Named templates of a database, and the way back to one: a clone is made beside the database and
//! renamed into its place.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::clock::Clock;
use crate::config::Target;
use crate::control::seed as ledger;
use crate::control::{Operator, append_audit_in};
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::service::copy::{Databases, alone, carry_audit, like, swap};
use crate::sql::{Ident, literal};

/// What a database of ours is for; written into its comment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Purpose {
    Template,
    /// A clone that is not in place yet.
    Clone,
    /// What a reset has replaced.
    Replaced,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Label {
    tidegate_seed: Purpose,
    /// The database that it belongs to.
    database: String,
    /// The template's name.
    name: String,
    at: String,
}

/// A saved state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Template {
    /// Its name.
    pub name: String,
    /// The database that holds it.
    pub database: Ident,
    /// When it was saved, UTC.
    pub at: String,
    /// Bytes on disk.
    pub bytes: i64,
}

/// What a reset did.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reset {
    /// The database.
    pub database: String,
    /// The template that it is a clone of now.
    pub template: String,
    /// Seconds that making the clone took.
    pub clone_seconds: f64,
    /// Seconds in all.
    pub seconds: f64,
}

/// The templates of one database.
#[derive(Debug)]
pub struct Templates {
    databases: Databases,
    clock: Arc<dyn Clock>,
}

impl Templates {
    /// Opens the server of `target`; nobody else saves or resets meanwhile.
    ///
    /// # Errors
    /// [`Kind::RunnerBusy`]; the role may not create databases; the server is out of reach.
    pub async fn open(target: &Target, clock: Arc<dyn Clock>) -> Result<Self> {
        let databases = Databases::open(target).await?;
        databases.lock().await?;
        databases.require_createdb().await?;
        Ok(Self { databases, clock })
    }

    /// The templates, by name.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn list(&self) -> Result<Vec<Template>> {
        let labels = self.labels(Purpose::Template).await?;
        let mut templates: Vec<Template> = labels
            .into_iter()
            .map(|(database, label, bytes)| Template {
                name: label.name,
                database,
                at: label.at,
                bytes,
            })
            .collect();
        templates.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(templates)
    }

    /// Saves the database as it is; an earlier template of that name is replaced. Everybody who is
    /// connected is sent away, since PostgreSQL clones only what nobody uses.
    ///
    /// # Errors
    /// [`Kind::SeedRefused`] while a run is unfinished; those of the database.
    pub async fn save(&self, name: &str) -> Result<Template> {
        self.refuse_unfinished().await?;
        self.sweep().await?;
        let database = &self.databases.name;
        let new = Ident::derived(database.as_str(), &format!("seed_{}", self.stamp()))?;
        self.clone_to(database, &new).await?;
        let session = &self.databases.session;
        let closed = format!("alter database {new} with allow_connections false");
        session.batch_execute(&closed).await?;
        let older = self.find(name).await?;
        self.label(&new, Purpose::Template, name).await?;
        if let Some(older) = older {
            self.databases.discard(&older.database).await?;
        }
        self.find(name)
            .await?
            .ok_or_else(|| Error::new(Kind::Internal, "the template is not there"))
    }

    /// Refuses a database whose constraints are off, because a run is not finished.
    async fn refuse_unfinished(&self) -> Result<()> {
        let session = Session::connect(&self.databases.target, "seed").await?;
        let Some(run) = ledger::unfinished_number(&*session).await? else {
            return Ok(());
        };
        let message = format!(
            "run {run} is unfinished: indexes, constraints and triggers of its tables are off"
        );
        Err(Error::new(Kind::SeedRefused, message).hint(
            "the run's own command goes on with it, tidegate seed run --abandon takes it back",
        ))
    }

    /// Drops a template.
    ///
    /// # Errors
    /// [`Kind::UnknownObject`] when there is none of that name.
    pub async fn drop(&self, name: &str) -> Result<Template> {
        let template = self.require(name).await?;
        self.databases.discard(&template.database).await?;
        Ok(template)
    }

    /// Puts a clone of the template in the database's place and drops what was there. The audit log
    /// goes on.
    ///
    /// # Errors
    /// [`Kind::UnknownObject`] when there is no such template; those of the database, then nothing
    /// has changed.
    pub async fn reset(&self, name: &str) -> Result<Reset> {
        let began = self.clock.monotonic();
        self.sweep().await?;
        let template = self.require(name).await?;
        let Databases {
            target,
            name: database,
            ..
        } = &self.databases;
        let stamp = self.stamp();
        let new = Ident::derived(database.as_str(), &format!("clone_{stamp}"))?;
        let away = Ident::derived(database.as_str(), &format!("before_{stamp}"))?;
        self.clone_to(&template.database, &new).await?;
        self.label(&new, Purpose::Clone, name).await?;
        let clone_seconds = self.since(began);
        let replaces = self.databases.exists(database).await?;
        self.audit(target, &new, name, replaces).await?;
        let mut statements = Vec::new();
        let mut renames = Vec::new();
        if replaces {
            statements.extend(like(&self.databases, database, &new).await?);
            statements.push(self.same_comment(database, &new).await?);
            let label = self.label_text(Purpose::Replaced, name)?;
            statements.push(format!("comment on database {database} is {label}"));
            renames.push((database.clone(), away.clone()));
        }
        renames.push((new, database.clone()));
        swap(&self.databases, &renames, &statements).await?;
        if replaces {
            self.databases.discard(&away).await?;
        }
        Ok(Reset {
            database: database.as_str().to_owned(),
            template: name.to_owned(),
            clone_seconds,
            seconds: self.since(began),
        })
    }

    /// The audit log of the database goes on in the clone.
    async fn audit(&self, target: &Target, new: &Ident, name: &str, replaces: bool) -> Result<()> {
        let clone = target.at_database(new.as_str());
        let mut session = Session::connect(&clone, "seed").await?;
        let row = session
            .query_one(
                "select pg_catalog.to_regclass('tidegate.audit_head') is not null",
                &[],
            )
            .await?;
        if !row.get::<_, bool>(0) {
            return Ok(());
        }
        let transaction = session.transaction().await?;
        if replaces {
            carry_audit(target, &transaction).await?;
        }
        let detail = json!({ "template": name });
        let event = Operator::of_process(None).event(&target.environment, "seed.reset", detail);
        append_audit_in(&transaction, &event).await?;
        Ok(transaction.commit().await?)
    }

    /// Clones a database. Files are copied rather than written through the log (15+), and shared
    /// until they change where the file system can (18+).
    async fn clone_to(&self, from: &Ident, to: &Ident) -> Result<()> {
        let session = &self.databases.session;
        let names = [from.as_str()];
        let create = |options: &str| format!("create database {to} template {from}{options}");
        if session.version() >= 180_000 {
            session
                .batch_execute("set file_copy_method = clone")
                .await?;
            let sql = create(" strategy file_copy");
            let made = alone(&self.databases, &names, session.batch_execute(&sql)).await?;
            session.batch_execute("reset file_copy_method").await?;
            if made.is_ok() {
                return Ok(());
            }
        }
        let options = if session.version() >= 150_000 {
            " strategy file_copy"
        } else {
            ""
        };
        let sql = create(options);
        Ok(alone(&self.databases, &names, session.batch_execute(&sql)).await??)
    }

    /// Drops what processes that died have left: clones with their comment, and clones without one, which
    /// were still being made. Nobody else makes any meanwhile.
    async fn sweep(&self) -> Result<()> {
        for database in self.unlabelled().await? {
            self.databases.discard(&database).await?;
        }
        for purpose in [Purpose::Clone, Purpose::Replaced] {
            for (database, _, _) in self.labels(purpose).await? {
                if database != self.databases.name {
                    self.databases.discard(&database).await?;
                }
            }
        }
        Ok(())
    }

    /// Databases of this role without a comment whose names are those of clones of this one.
    async fn unlabelled(&self) -> Result<Vec<Ident>> {
        let rows = self
            .databases
            .session
            .query(
                "select datname::text from pg_catalog.pg_database \
                 where pg_catalog.shobj_description(oid, 'pg_database') is null \
                   and datdba = current_user::pg_catalog.regrole order by 1",
                &[],
            )
            .await?;
        let mut found = Vec::new();
        for row in rows {
            let name = Ident::new(row.get::<_, String>(0))?;
            if is_clone(&self.databases.name, &name) {
                found.push(name);
            }
        }
        Ok(found)
    }

    async fn find(&self, name: &str) -> Result<Option<Template>> {
        let all = self.list().await?;
        Ok(all.into_iter().find(|template| template.name == name))
    }

    async fn require(&self, name: &str) -> Result<Template> {
        self.find(name).await?.ok_or_else(|| {
            let database = self.databases.name.as_str();
            Error::new(
                Kind::UnknownObject,
                format!("{database} has no template \"{name}\""),
            )
            .hint("tidegate seed template save makes one; seed template list shows them")
        })
    }

    async fn labels(&self, purpose: Purpose) -> Result<Vec<(Ident, Label, i64)>> {
        let rows = self
            .databases
            .session
            .query(
                "select datname::text, pg_catalog.shobj_description(oid, 'pg_database'), \
                   case when pg_catalog.has_database_privilege(oid, 'connect') \
                     then pg_catalog.pg_database_size(oid) else 0 end \
                 from pg_catalog.pg_database order by 1",
                &[],
            )
            .await?;
        let mut found = Vec::new();
        for row in rows {
            let text: Option<String> = row.get(1);
            let label = text.and_then(|text| serde_json::from_str::<Label>(&text).ok());
            let ours = label.filter(|label| {
                label.tidegate_seed == purpose && label.database == self.databases.name.as_str()
            });
            if let Some(label) = ours {
                found.push((Ident::new(row.get::<_, String>(0))?, label, row.get(2)));
            }
        }
        Ok(found)
    }

    fn label_text(&self, purpose: Purpose, name: &str) -> Result<String> {
        let label = Label {
            tidegate_seed: purpose,
            database: self.databases.name.as_str().to_owned(),
            name: name.to_owned(),
            at: self.clock.now().format("%Y-%m-%dT%H:%M:%SZ").to_string(),
        };
        let text = serde_json::to_string(&label)
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        Ok(literal(&text))
    }

    async fn label(&self, database: &Ident, purpose: Purpose, name: &str) -> Result<()> {
        let sql = format!(
            "comment on database {database} is {}",
            self.label_text(purpose, name)?
        );
        Ok(self.databases.session.batch_execute(&sql).await?)
    }

    /// The statement that gives `to` the comment of `from`.
    async fn same_comment(&self, from: &Ident, to: &Ident) -> Result<String> {
        let row = self
            .databases
            .session
            .query_one(
                "select pg_catalog.shobj_description(oid, 'pg_database') \
                 from pg_catalog.pg_database where datname = $1",
                &[&from.as_str()],
            )
            .await?;
        let text: Option<String> = row.get(0);
        let text = text.map_or("null".to_owned(), |text| literal(&text));
        Ok(format!("comment on database {to} is {text}"))
    }

    fn stamp(&self) -> String {
        self.clock.now().format("%Y%m%d%H%M%S%3f").to_string()
    }

    fn since(&self, then: std::time::Duration) -> f64 {
        self.clock.monotonic().saturating_sub(then).as_secs_f64()
    }
}

/// Digits of a clone's time: year to milliseconds.
const STAMP: usize = 17;

/// Whether `name` is one that a clone of `database` gets, to the last character. Of names that were
/// shortened it is not certain whose they are.
fn is_clone(database: &Ident, name: &Ident) -> bool {
    let rest = name.as_str().strip_prefix(database.as_str());
    let purposes = ["_seed_", "_clone_"];
    let stamp = purposes
        .iter()
        .find_map(|purpose| rest?.strip_prefix(purpose));
    stamp.is_some_and(|s| s.len() == STAMP && s.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_are_known_by_their_names() {
        let shop = Ident::new("shop").unwrap();
        for (name, expected) in [
            ("shop_clone_20261126140420035", true),
            ("shop_seed_20261126140420035", true),
            ("shop_clone_2026112614042003", false),
            ("shop_clone_2026112614042003x", false),
            ("shop_before_20261126140420035", false),
            ("shops_clone_20261126140420035", false),
            ("shop", false),
        ] {
            let name = Ident::new(name).unwrap();
            assert_eq!(is_clone(&shop, &name), expected, "{name}");
        }
    }
}
