//! The SQL of a backfill. Everything of ours is qualified; the user's expressions are resolved by
//! the session's `search_path` and may name the table by its bare name, which is the alias here.

use crate::sql::{Ident, QualifiedName, literal};

use super::{Spec, Take};

/// How the checksum hashes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HashKind {
    /// `hash_record_extended`: three times cheaper.
    Record,
    /// `hashtextextended` of the value as text: types without a hash, and enums.
    Text,
}

/// Builds the statements for one target of a job.
#[derive(Debug, Clone, Copy)]
pub struct Statements<'a> {
    /// The job's specification.
    pub spec: &'a Spec,
    /// The relation.
    pub target: &'a QualifiedName,
    /// Its integer key, when it has one.
    pub key: Option<&'a Ident>,
    /// How values are hashed.
    pub hash: HashKind,
}

impl Statements<'_> {
    fn alias(&self) -> &Ident {
        &self.spec.table.name
    }

    fn value(&self) -> String {
        format!("{}.{}", self.alias(), self.spec.column)
    }

    fn value_hash(&self) -> String {
        match self.hash {
            HashKind::Record => {
                format!("pg_catalog.hash_record_extended(row({}), 0)", self.value())
            }
            HashKind::Text => {
                format!(
                    "pg_catalog.hashtextextended(({})::pg_catalog.text, 0)",
                    self.value()
                )
            }
        }
    }

    /// The rows of stripe `$stripe` of `$stripes`.
    fn stripe(&self, stripes: &str, stripe: &str) -> String {
        let alias = self.alias();
        let row = match self.key {
            Some(key) => format!("{alias}.{key}"),
            None => format!("pg_catalog.hashtid({alias}.ctid)"),
        };
        // A bit mask instead of a remainder: stripes are powers of two, and the mask gives the
        // same for negative keys. It is computed for every row in every stripe.
        format!("{row} & ({stripes}::pg_catalog.int4 - 1) = {stripe}::pg_catalog.int4")
    }

    /// A block range whose bounds are two parameters. Two comparisons give a TID range scan, which
    /// prunes each page that it reads; `ctid = any(...)` would not, and no update would be HOT.
    fn range(&self, from: &str, to: &str) -> String {
        let alias = self.alias();
        // The mark tells who looks for readers of a column that this statement is not one.
        format!(
            "/* tidegate */ {alias}.ctid >= ({from}::pg_catalog.text)::pg_catalog.tid \
             and {alias}.ctid < ({to}::pg_catalog.text)::pg_catalog.tid"
        )
    }

    /// Rows that are still to be filled. The expression stands here too, so that a row for which it
    /// gives null is not written over and over by the stripes that follow.
    fn unfilled(&self) -> String {
        let mut sql = format!("{} is null", self.value());
        if let [source] = self.spec.source.as_slice() {
            sql.push_str(&format!(" and {}.{source} is not null", self.alias()));
        }
        format!("{sql} and ({}) is not null", self.spec.expression)
    }

    /// The value agrees with the old columns neither way. Never so where the column is only filled
    /// (no source): whatever stands there already is the application's.
    fn different(&self) -> String {
        if self.spec.source.is_empty() {
            return "false".to_owned();
        }
        let new = self.value();
        let back = match (&self.spec.inverse, &self.spec.inverse_type) {
            (Some((old, down)), Some(data_type)) => format!(
                " and pg_catalog.record_image_ne(row({}.{old}), row(cast(({down}) as {data_type})))",
                self.alias()
            ),
            (Some((old, down)), None) => {
                format!(" and {}.{old} is distinct from ({down})", self.alias())
            }
            (None, _) => String::new(),
        };
        // Types without a hash may have no equality either (json, xml, point).
        let text = match self.hash {
            HashKind::Record => "",
            HashKind::Text => "::pg_catalog.text",
        };
        format!(
            "{new} is not null and {new}{text} is distinct from ({}){text}{back}",
            self.spec.expression
        )
    }

    /// One chunk and its entry in the ledger, in one statement that has no effect without the
    /// lease. Parameters: 1 window, 2 fence, 3 and 4 bounds as tids, 5 stripes, 6 stripe, 7 and 8
    /// first and last block, 9 and 10 stripe and block after it, 11 the lease in seconds, 12 and 13
    /// the session's counters of updates and HOT updates before it. Gives rows, HOT rows, counters,
    /// milliseconds.
    #[must_use]
    pub fn chunk(&self) -> String {
        format!(
            "with changed as ( \
               update only {target} as {alias} set {column} = ({expression}) \
               where (select tidegate.backfill_fence($1, $2, $6, $7)) \
                 and {range} and {stripe} and {unfilled} \
               returning {hash} as h \
             ), tally as ( \
               select pg_catalog.count(*) as n, coalesce(pg_catalog.sum(h), 0) as s from changed \
             ), counted as materialized ( \
               select n, s, \
                 pg_catalog.pg_stat_get_xact_tuples_updated('{literal}'::pg_catalog.regclass) as upd, \
                 pg_catalog.pg_stat_get_xact_tuples_hot_updated('{literal}'::pg_catalog.regclass) as hot, \
                 extract(epoch from pg_catalog.clock_timestamp() - pg_catalog.statement_timestamp()) * 1000 as ms \
               from tally \
             ), measured as materialized ( \
               select n, s, upd, hot, ms, case \
                 when upd - $12::pg_catalog.int8 = n then hot - $13::pg_catalog.int8 \
                 when upd > 0 then pg_catalog.round(n::pg_catalog.numeric * hot / upd)::pg_catalog.int8 \
                 else 0 end as hot_rows \
               from counted \
             ), chunk as ( \
               insert into tidegate.backfill_chunk \
                 (window_id, stripe, from_block, to_block, rows, hot_rows, checksum, took_ms) \
               select $1, $6, $7, $8, n, hot_rows, s, ms from measured \
             ), moved as ( \
               update tidegate.backfill_window as w \
               set next_stripe = $9, position = $10, finished = $9 >= $5, chunks = w.chunks + 1, \
                 rows = w.rows + n, hot_rows = w.hot_rows + m.hot_rows, checksum = w.checksum + s, \
                 lease_until = pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $11) \
               from measured as m where w.id = $1 and w.fence = $2 \
             ) select n, hot_rows, upd, hot, ms::pg_catalog.float8 from measured",
            target = self.target,
            alias = self.alias(),
            column = self.spec.column,
            expression = self.spec.expression,
            range = self.range("$3", "$4"),
            stripe = self.stripe("$5", "$6"),
            unfilled = self.unfilled(),
            hash = self.value_hash(),
            literal = self.target.to_string().replace('\'', "''"),
        )
    }

    /// The addresses of the unfilled rows of one block and stripe (1 and 2 bounds, 3 stripes,
    /// 4 stripe), with their key as text. The expression is left out, since it fails.
    #[must_use]
    pub fn candidates(&self) -> String {
        let alias = self.alias();
        let key = self.key.map_or_else(
            || "null::pg_catalog.text".to_owned(),
            |key| format!("{alias}.{key}::pg_catalog.text"),
        );
        let source = match self.spec.source.as_slice() {
            [source] => format!(" and {alias}.{source} is not null"),
            _ => String::new(),
        };
        format!(
            "select {alias}.ctid::pg_catalog.text, {key} from only {} as {alias} \
             where {} and {} and {} is null{source}",
            self.target,
            self.range("$1", "$2"),
            self.stripe("$3", "$4"),
            self.value(),
        )
    }

    /// Fills the one row at address 1.
    #[must_use]
    pub fn single(&self) -> String {
        format!(
            "update only {} as {alias} set {} = ({}) \
             where /* tidegate */ {alias}.ctid = ($1::pg_catalog.text)::pg_catalog.tid and {}",
            self.target,
            self.spec.column,
            self.spec.expression,
            self.unfilled(),
            alias = self.alias(),
        )
    }

    /// Counts of a block range (1 and 2 bounds, 3 addresses to leave out): rows, missing,
    /// different, null with source, checksum.
    #[must_use]
    pub fn verify(&self) -> String {
        let alias = self.alias();
        let sourced: String = self
            .spec
            .source
            .iter()
            .map(|column| format!(" and {alias}.{column} is not null"))
            .collect();
        format!(
            "select pg_catalog.count(*), \
               pg_catalog.count(*) filter (where {new} is null and ({expression}) is not null), \
               pg_catalog.count(*) filter (where {different}), \
               pg_catalog.count(*) filter (where {new} is null{sourced}), \
               coalesce(pg_catalog.sum({hash}) filter (where {new} is not null), 0)::pg_catalog.text \
             from only {target} as {alias} \
             where {range} and {alias}.ctid <> all ($3::pg_catalog.text[]::pg_catalog.tid[])",
            new = self.value(),
            expression = self.spec.expression,
            different = self.different(),
            hash = self.value_hash(),
            target = self.target,
            range = self.range("$1", "$2"),
        )
    }

    /// Names up to `$4` rows of a block range (1 and 2 bounds, 3 addresses to leave out) that
    /// verification counts as different: `id=3`, or `ctid=(0,3)` without an integer key.
    #[must_use]
    pub fn differing(&self) -> String {
        let alias = self.alias();
        let (label, name) = match self.key {
            Some(key) => (key.as_str(), format!("{alias}.{key}")),
            None => ("ctid", format!("{alias}.ctid")),
        };
        format!(
            "select pg_catalog.concat({label}, '=', {name}) from only {target} as {alias} \
             where {range} and {alias}.ctid <> all ($3::pg_catalog.text[]::pg_catalog.tid[]) \
               and ({different}) limit $4",
            label = literal(label),
            target = self.target,
            range = self.range("$1", "$2"),
            different = self.different(),
        )
    }

    /// Fills the rows of a block range (1 and 2 bounds, 3 addresses to leave out) that lack their
    /// value. Values that stand there are never touched.
    #[must_use]
    pub fn fill_missing(&self) -> String {
        let missing = format!(
            "{} is null and ({}) is not null",
            self.value(),
            self.spec.expression
        );
        self.set_where(&self.spec.column, &self.spec.expression, &missing)
    }

    /// Makes the rows of a block range (1 and 2 bounds, 3 addresses to leave out) agree whose columns
    /// disagree. None when the new column is taken and nothing gives the old one back from it.
    #[must_use]
    pub fn settle(&self, take: Take) -> Option<String> {
        let (column, value) = match take {
            Take::Old => (&self.spec.column, &self.spec.expression),
            Take::New => self.spec.inverse.as_ref().map(|(old, down)| (old, down))?,
        };
        Some(self.set_where(column, value, &self.different()))
    }

    fn set_where(&self, column: &Ident, value: &str, condition: &str) -> String {
        let alias = self.alias();
        format!(
            "update only {} as {alias} set {column} = ({value}) \
             where {} and {alias}.ctid <> all ($3::pg_catalog.text[]::pg_catalog.tid[]) \
               and ({condition})",
            self.target,
            self.range("$1", "$2"),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(schema: &str, name: &str) -> QualifiedName {
        QualifiedName::new(Ident::new(schema).unwrap(), Ident::new(name).unwrap())
    }

    #[test]
    fn a_column_that_is_only_filled_keeps_the_values_it_has() {
        let spec = Spec {
            change: "0001".into(),
            table: name("public", "t"),
            targets: vec![name("public", "t")],
            column: Ident::new("a").unwrap(),
            expression: "'x'".into(),
            source: Vec::new(),
            inverse: None,
            inverse_type: None,
            stripe_key: vec![],
        };
        let sql = Statements {
            spec: &spec,
            target: &spec.targets[0],
            key: None,
            hash: HashKind::Record,
        };
        let settle = sql.settle(Take::Old).unwrap();
        assert!(settle.ends_with("and (false)"), "{settle}");
        assert_eq!(sql.settle(Take::New), None);
    }

    #[test]
    fn names_are_quoted_and_the_alias_is_the_tables_own_name() {
        let spec = Spec {
            change: "0001".into(),
            table: name("public", "Ord\"ers"),
            targets: vec![name("parts", "o'1")],
            column: Ident::new("amount_c").unwrap(),
            expression: "amount * 100".into(),
            source: vec![Ident::new("amount").unwrap()],
            inverse: None,
            inverse_type: None,
            stripe_key: vec![],
        };
        let sql = Statements {
            spec: &spec,
            target: &spec.targets[0],
            key: None,
            hash: HashKind::Record,
        };
        let chunk = sql.chunk();
        assert!(
            chunk.contains(
                r#"update only "parts"."o'1" as "Ord""ers" set "amount_c" = (amount * 100)"#
            ),
            "{chunk}"
        );
        assert!(chunk.contains(r#"'"parts"."o''1"'::pg_catalog.regclass"#));
        assert!(chunk.contains(r#""Ord""ers"."amount" is not null"#));
        assert!(!chunk.contains("ctid = any"));
    }
}
