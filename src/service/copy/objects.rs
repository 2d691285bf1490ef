//! Large objects: carried one by one, each in parts, with their owners and grants.

use std::collections::BTreeSet;

use tokio_util::sync::CancellationToken;

use super::share::stopped;
use crate::control::copy::objects as ledger;
use crate::control::copy::objects::Known;
use crate::copy::ContentSum;
use crate::error::Result;
use crate::masking::LargeObjects;
use crate::postgres::Session;
use crate::sql::Ident;

/// Bytes of one read: what an object holds in memory, whatever its size.
const PART: i32 = 1 << 20;

/// Objects that are listed at once.
pub(super) const LISTED: usize = 256;

/// Bytes that one transaction of the target carries, about: what a killed run loses, unless one
/// object has more.
const COMMIT_BYTES: u64 = 16 << 20;

/// A large object of the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LargeObject {
    pub(super) id: u32,
    owner: String,
    /// Its grants as the server writes them.
    grants: Option<String>,
}

/// What carries large objects.
#[derive(Debug)]
pub(super) struct Objects<'a> {
    /// A session in the snapshot.
    pub(super) source: &'a Session,
    /// A session of the copy.
    pub(super) copy: &'a Session,
    pub(super) rule: &'a LargeObjects,
    pub(super) instant: &'a str,
    /// The roles of the target's server.
    pub(super) roles: &'a BTreeSet<String>,
    /// Whether objects may be given to other roles.
    pub(super) superuser: bool,
    pub(super) cancel: &'a CancellationToken,
}

/// The next objects, by identifier.
pub(super) async fn list(session: &Session, after: u32) -> Result<Vec<LargeObject>> {
    let rows = session
        .query(
            &format!(
                "select oid, pg_catalog.pg_get_userbyid(lomowner)::text, lomacl::text \
                 from pg_catalog.pg_largeobject_metadata where oid > $1 order by oid limit {LISTED}"
            ),
            &[&after],
        )
        .await?;
    let objects = rows.iter().map(|row| LargeObject {
        id: row.get(0),
        owner: row.get(1),
        grants: row.get(2),
    });
    Ok(objects.collect())
}

/// Reads an object, part by part.
#[derive(Debug)]
struct Parts<'a> {
    session: &'a Session,
    id: u32,
    offset: i64,
    ended: bool,
}

impl<'a> Parts<'a> {
    fn of(session: &'a Session, id: u32) -> Self {
        Self {
            session,
            id,
            offset: 0,
            ended: false,
        }
    }

    /// The next part, with the place where it begins; `None` at the end.
    async fn next(&mut self) -> Result<Option<(i64, Vec<u8>)>> {
        if self.ended {
            return Ok(None);
        }
        let offset = self.offset;
        let row = self
            .session
            .query_one(
                "select pg_catalog.lo_get($1, $2, $3)",
                &[&self.id, &offset, &PART],
            )
            .await?;
        let part: Vec<u8> = row.get(0);
        self.session.spend(part.len()).await;
        self.ended = part.len() < PART.unsigned_abs() as usize;
        self.offset += i64::from(PART);
        Ok((!part.is_empty()).then_some((offset, part)))
    }
}

/// The sum over what an object holds.
pub(super) async fn content(session: &Session, id: u32) -> Result<ContentSum> {
    let mut sum = ContentSum::default();
    let mut parts = Parts::of(session, id);
    while let Some((_, part)) = parts.next().await? {
        sum.add(&part);
    }
    Ok(sum)
}

impl Objects<'_> {
    /// Makes the copy's large objects those of the snapshot's instant; what an earlier run has
    /// carried and is the same stays. Returns remarks.
    pub(super) async fn carry(&self) -> Result<Vec<String>> {
        let mut strangers = BTreeSet::new();
        let mut next = (*self.rule != LargeObjects::None).then_some(0);
        while let Some(after) = next {
            next = self.batch(after, &mut strangers).await?;
        }
        if strangers.is_empty() {
            return Ok(Vec::new());
        }
        let names: Vec<String> = strangers.into_iter().collect();
        Ok(vec![format!(
            "large objects of {} belong to the role of the target",
            names.join(", ")
        )])
    }

    /// Carries the objects that follow `after`; the last one's identifier when there are more.
    async fn batch(&self, after: u32, strangers: &mut BTreeSet<String>) -> Result<Option<u32>> {
        let found = list(self.source, after).await?;
        let last = found.last().filter(|_| found.len() == LISTED);
        let last = last.map(|object| object.id);
        let mut known = ledger::between(&**self.copy, after, last).await?;
        self.copy.batch_execute("begin").await?;
        let mut bytes = 0;
        for object in &found {
            if self.cancel.is_cancelled() {
                return Err(stopped());
            }
            bytes += self.object(object, known.remove(&object.id)).await?;
            if self.lacks(&object.owner) {
                strangers.insert(object.owner.clone());
            }
            if bytes >= COMMIT_BYTES {
                self.copy.batch_execute("commit; begin").await?;
                bytes = 0;
            }
        }
        for gone in known.keys() {
            ledger::remove(&**self.copy, *gone).await?;
        }
        self.copy.batch_execute("commit").await?;
        Ok(last)
    }

    /// Whether an object cannot be given to its owner.
    fn lacks(&self, owner: &str) -> bool {
        !self.superuser || !self.roles.contains(owner)
    }

    /// Carries one object; the bytes that were written.
    async fn object(&self, object: &LargeObject, known: Option<Known>) -> Result<u64> {
        if let Some(known) = known {
            if known.instant == self.instant {
                return Ok(0);
            }
            let mut sum = ContentSum::default();
            if *self.rule == LargeObjects::Keep {
                sum = content(self.source, object.id).await?;
            }
            if known.digest == object.digest(&sum) {
                self.record(object, &sum).await?;
                return Ok(0);
            }
            ledger::remove(&**self.copy, object.id).await?;
        }
        let sum = self.write(object).await?;
        self.own(object).await?;
        self.record(object, &sum).await?;
        Ok(sum.bytes)
    }

    async fn record(&self, object: &LargeObject, sum: &ContentSum) -> Result<()> {
        let known = Known {
            instant: self.instant.to_owned(),
            digest: object.digest(sum),
        };
        ledger::carried(&**self.copy, object.id, &known).await
    }

    async fn write(&self, object: &LargeObject) -> Result<ContentSum> {
        let create = "select pg_catalog.lo_create($1)";
        self.copy.execute(create, &[&object.id]).await?;
        let mut sum = ContentSum::default();
        match self.rule {
            LargeObjects::Keep => {
                let mut parts = Parts::of(self.source, object.id);
                while let Some((offset, part)) = parts.next().await? {
                    sum.add(&part);
                    self.put(object.id, offset, &part).await?;
                }
            }
            LargeObjects::Constant(text) => self.put(object.id, 0, text.as_bytes()).await?,
            LargeObjects::Null | LargeObjects::None => {}
        }
        Ok(sum)
    }

    async fn put(&self, id: u32, offset: i64, part: &[u8]) -> Result<()> {
        let sql = "select pg_catalog.lo_put($1, $2, $3)";
        self.copy.execute(sql, &[&id, &offset, &part]).await?;
        Ok(())
    }

    /// Gives the object to its owner, and others the rights that they have at the source.
    async fn own(&self, object: &LargeObject) -> Result<()> {
        let (id, mut statements) = (object.id, Vec::new());
        let given = !self.lacks(&object.owner);
        let owner = Ident::new(object.owner.clone())?;
        if given {
            statements.push(format!("alter large object {id} owner to {owner}"));
        }
        if object.grants.is_some() {
            if given {
                statements.push(format!("revoke all on large object {id} from {owner}"));
            }
            statements.extend(self.grants(object, given).await?);
        }
        Ok(self.copy.batch_execute(&statements.join("; ")).await?)
    }

    async fn grants(&self, object: &LargeObject, given: bool) -> Result<Vec<String>> {
        let rows = self
            .source
            .query(
                "select a.privilege_type, a.is_grantable, case when a.grantee = 0 then null \
                 else pg_catalog.pg_get_userbyid(a.grantee)::text end, a.grantee = m.lomowner \
                 from pg_catalog.pg_largeobject_metadata as m, pg_catalog.aclexplode(m.lomacl) as a \
                 where m.oid = $1",
                &[&object.id],
            )
            .await?;
        let mut statements = Vec::new();
        for row in rows {
            let (privilege, grantable, own): (String, bool, bool) =
                (row.get(0), row.get(1), row.get(3));
            let role = match row.get::<_, Option<String>>(2) {
                Some(role) if !self.roles.contains(&role) || own && !given => continue,
                Some(role) => Ident::new(role)?.to_string(),
                None => "public".to_owned(),
            };
            let option = if grantable { " with grant option" } else { "" };
            let id = object.id;
            statements.push(format!(
                "grant {privilege} on large object {id} to {role}{option}"
            ));
        }
        Ok(statements)
    }
}

impl LargeObject {
    /// What tells whether an object has changed: content, owner, grants.
    fn digest(&self, sum: &ContentSum) -> String {
        let grants = self.grants.as_deref().unwrap_or_default();
        format!("{} {} {grants}", sum.digest(), self.owner)
    }
}
