//! What a plan is made from: catalog, types and sizes of the source at one instant.

use std::collections::BTreeMap;

use crate::catalog::Catalog;
use crate::config::Target;
use crate::copy::{Place, TypeFacts, TypeShape, Types};
use crate::error::Result;
use crate::postgres::{Session, introspect, introspect_in_transaction};
use crate::sql::{Ident, QualifiedName};

/// The size of a table and the file it lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Extent {
    /// Object identifier.
    pub oid: u32,
    /// Its file: another one after TRUNCATE, VACUUM FULL or a rewrite, which a snapshot does not
    /// protect against.
    pub file: u32,
    /// Blocks of the heap.
    pub blocks: u64,
    /// Bytes of heap and TOAST.
    pub bytes: u64,
}

/// The source as it is.
#[derive(Debug, Clone)]
pub struct Gathered {
    /// Which database it is.
    pub place: Place,
    /// Its schema.
    pub catalog: Catalog,
    /// Its types.
    pub types: Types,
    /// Its tables.
    pub extents: BTreeMap<QualifiedName, Extent>,
    /// Whether it holds large objects.
    pub has_large_objects: bool,
}

/// Reads the source in one go, outside of a transaction: for `copy plan`.
///
/// # Errors
/// Those of the database.
pub async fn gather(session: &Session, source: &Target) -> Result<Gathered> {
    let extents = extents(session).await?;
    let catalog = introspect(session).await?;
    assemble(session, source, catalog, extents).await
}

/// Reads the source inside the snapshot's transaction; `extents` must have been read before the
/// snapshot was taken, so that a table that is truncated in between is noticed.
pub(super) async fn gather_in(
    session: &Session,
    source: &Target,
    extents: BTreeMap<QualifiedName, Extent>,
) -> Result<Gathered> {
    let catalog = introspect_in_transaction(session).await?;
    assemble(session, source, catalog, extents).await
}

async fn assemble(
    session: &Session,
    source: &Target,
    catalog: Catalog,
    extents: BTreeMap<QualifiedName, Extent>,
) -> Result<Gathered> {
    let large = "select exists (select from pg_catalog.pg_largeobject_metadata)";
    Ok(Gathered {
        has_large_objects: session.query_one(large, &[]).await?.get(0),
        place: Place {
            environment: source.environment.clone(),
            system: catalog.system_identifier.clone(),
            database: catalog.database.clone(),
        },
        types: types(session).await?,
        catalog,
        extents,
    })
}

/// The tables' sizes, and their files as this statement's snapshot has them.
pub(super) async fn extents(session: &Session) -> Result<BTreeMap<QualifiedName, Extent>> {
    let rows = session
        .query(
            "select n.nspname::text, c.relname::text, c.oid, \
             c.relfilenode, \
             pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::bigint, \
             pg_catalog.pg_table_size(c.oid) \
             from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace \
             where c.relkind = 'r' and c.relpersistence <> 't' and n.nspname <> 'information_schema' \
             and n.nspname !~ '^pg_'",
            &[],
        )
        .await?;
    let mut found = BTreeMap::new();
    for row in rows {
        let name = QualifiedName::new(
            Ident::new(row.get::<_, String>(0))?,
            Ident::new(row.get::<_, String>(1))?,
        );
        // A table that is dropped meanwhile has no size.
        let size = |at: usize| {
            let size: Option<i64> = row.get(at);
            size.and_then(|size| u64::try_from(size).ok())
                .unwrap_or_default()
        };
        let extent = Extent {
            oid: row.get(2),
            file: row.get(3),
            blocks: size(4),
            bytes: size(5),
        };
        found.insert(name, extent);
    }
    Ok(found)
}

/// All types of a database. The text of identifiers (`regclass` and its kin) means the same in
/// another database, their number does not.
pub(super) async fn types(session: &Session) -> Result<Types> {
    let rows = session
        .query(
            "select t.oid, n.nspname::text, t.typname::text, t.typtype::text, t.typbasetype, \
             case when t.typcategory = 'A' and t.typelem <> 0 and t.typlen = -1 then t.typelem else 0::oid end, \
             coalesce(r.rngsubtype, m.rngtypid, 0::oid), \
             t.typsend <> 0 and t.typreceive <> 0 and not (n.nspname = 'pg_catalog' and t.typname ~ '^reg'), \
             coalesce((select pg_catalog.array_agg(a.atttypid order by a.attnum) \
                from pg_catalog.pg_attribute as a \
                where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped), '{}'::oid[]) \
             from pg_catalog.pg_type as t join pg_catalog.pg_namespace as n on n.oid = t.typnamespace \
             left join pg_catalog.pg_range as r on r.rngtypid = t.oid \
             left join pg_catalog.pg_range as m on m.rngmultitypid = t.oid",
            &[],
        )
        .await?;
    let mut by_oid = BTreeMap::new();
    for row in rows {
        let (element, subtype): (u32, u32) = (row.get(5), row.get(6));
        let shape = match row.get::<_, &str>(3) {
            "d" => TypeShape::Domain(row.get(4)),
            "c" => TypeShape::Composite(row.get(8)),
            "r" => TypeShape::Range(subtype),
            "m" => TypeShape::Multirange(subtype),
            _ if element != 0 => TypeShape::Array(element),
            _ => TypeShape::Scalar,
        };
        let facts = TypeFacts {
            name: (row.get(1), row.get(2)),
            shape,
            binary: row.get(7),
        };
        by_oid.insert(row.get(0), facts);
    }
    Ok(Types { by_oid })
}
