//! The relations of the target that hold rows, and what each of their columns may hold.

use crate::error::Result;
use crate::masking::leak::{CellKind, Expectation};
use crate::masking::{Class, Mask, MaskPlan};
use crate::postgres::Session;
use crate::sql::{Ident, QualifiedName};

use super::source::releases_values;

/// A place where values are sought.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// As people name it.
    pub(super) title: String,
    /// Without any name, for when the name itself is a value.
    pub(super) nameless: String,
    pub(super) expects: Expectation,
}

/// A column that is searched.
#[derive(Debug, Clone)]
pub(super) struct SearchedColumn {
    pub(super) name: Ident,
    pub(super) kind: CellKind,
    /// Its type, below domains; empty for a type that is not PostgreSQL's own.
    pub(super) data_type: String,
    pub(super) place: Place,
}

/// A table or materialized view with its columns.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) name: QualifiedName,
    pub(super) columns: Vec<SearchedColumn>,
    /// Blocks of its heap.
    pub(super) blocks: u64,
    /// Bytes of heap and TOAST.
    pub(super) bytes: u64,
}

/// All columns of relations with rows, the largest relation first; 11 is `pg_catalog`. Types that hold none of the
/// values that are sought are left out: truth values, dates and times, integers of five digits.
const COLUMNS: &str = "
with recursive base (oid, name, basetype) as (
    select t.oid, case t.typnamespace when 11 then t.typname::text else '' end, t.typbasetype
    from pg_catalog.pg_type t
    union all
    select b.oid, case t.typnamespace when 11 then t.typname::text else '' end, t.typbasetype
    from base b join pg_catalog.pg_type t on t.oid = b.basetype
)
select c.oid::int8, n.nspname::text, c.relname::text, c.relkind = 'm', a.attname::text,
    a.attnum::int4, a.attgenerated <> '', b.name,
    pg_catalog.pg_relation_size(c.oid) / pg_catalog.current_setting('block_size')::int8,
    pg_catalog.pg_table_size(c.oid)
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join base b on b.oid = a.atttypid and b.basetype = 0
where c.relkind in ('r', 'm') and (c.relkind = 'r' or c.relispopulated)
    and c.relpersistence <> 't'
    and n.nspname not in ('pg_catalog', 'information_schema')
    and ($1::text is null or n.nspname = $1)
    and b.name not in ('bool', 'int2', 'date', 'time', 'timetz', 'timestamp', 'timestamptz', 'interval')
order by c.relpages desc, c.oid, a.attnum";

/// Reads them; those of one schema only when it is named.
pub(super) async fn relations(
    session: &Session,
    plan: &MaskPlan,
    schema: Option<&str>,
) -> Result<Vec<Relation>> {
    let mut all: Vec<Relation> = Vec::new();
    for row in session.query(COLUMNS, &[&schema]).await? {
        let name = QualifiedName::new(
            Ident::new(row.get::<_, String>(1))?,
            Ident::new(row.get::<_, String>(2))?,
        );
        let column = Ident::new(row.get::<_, String>(4))?;
        let derived: bool = row.get::<_, bool>(3) || row.get::<_, bool>(6);
        let place = Place {
            title: format!("{}.{}", name.plain(), column.as_str()),
            nameless: format!(
                "column {} of the relation with oid {}",
                row.get::<_, i32>(5),
                row.get::<_, i64>(0)
            ),
            expects: if derived {
                Expectation::Derived
            } else {
                expectation(plan, &name, &column)
            },
        };
        let kind = match row.get::<_, &str>(7) {
            "bytea" => CellKind::Bytes,
            "tsvector" => CellKind::Lexemes,
            _ => CellKind::Plain,
        };
        let size = |i: usize| {
            let size: Option<i64> = row.get(i);
            size.map_or(0, i64::unsigned_abs)
        };
        let column = SearchedColumn {
            name: column,
            kind,
            data_type: row.get(7),
            place,
        };
        match all.last_mut() {
            Some(last) if last.name == name => last.columns.push(column),
            _ => all.push(Relation {
                name,
                columns: vec![column],
                blocks: size(8),
                bytes: size(9),
            }),
        }
    }
    Ok(all)
}

fn expectation(plan: &MaskPlan, table: &QualifiedName, column: &Ident) -> Expectation {
    let plan = plan
        .table(table)
        .and_then(|table| table.columns.iter().find(|plan| plan.column == *column));
    let Some(plan) = plan else {
        return Expectation::Nothing;
    };
    // A mask that nobody classified may be of any kind.
    let masked = plan.class.unwrap_or(Class::Document);
    match (releases_values(plan), plan.class, &plan.rule.mask) {
        (true, Some(class), _) => Expectation::Kept(class),
        (true, None, _) => Expectation::Nothing,
        (false, _, Mask::Hash { .. }) => Expectation::Keyed(masked),
        (false, _, Mask::Email { .. } | Mask::UserName { .. }) => Expectation::Invented,
        (false, ..) => Expectation::Masked(masked),
    }
}
