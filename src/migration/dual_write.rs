//! Dual write: a row trigger that keeps the old and the new column in step while both app
//! releases run.
//!
//! It decides by which column a statement changed, never by `search_path` or by who writes, so it
//! holds for schema-qualified SQL and behind every pooler. Rules, in order:
//!
//! 1. Only the new column was written: the old one becomes `down(new)`.
//! 2. Only the old column was written: the new one becomes `up(old)`.
//! 3. Neither was written and the new one is still NULL: it becomes `up(old)`, so that a row which
//!    moves while the backfill runs cannot escape it.
//! 4. Both were written: values that agree (`up(old)` is the new value) stay as they are. Where
//!    they disagree the new column wins, unless it is NULL; then the old one does.
//!
//! The functions are SECURITY DEFINER with a pinned `search_path`: an app role needs no rights on
//! the tables that `up` and `down` look into.

use crate::catalog::Table;
use crate::sql::{Ident, QualifiedName, literal};

/// The trigger for one column pair, or for one column that is only filled.
#[derive(Debug, Clone)]
pub(super) struct DualWrite<'a> {
    /// The table, by whose bare name the expressions know the row.
    pub table: &'a Table,
    /// The relations that carry the trigger: the table, and its inheritance children, to which
    /// triggers are not handed down.
    pub carriers: &'a [QualifiedName],
    /// The trigger's function, in schema `tidegate`.
    pub function: Ident,
    /// The trigger. Triggers fire in the order of their names; this one must come last.
    pub trigger: Ident,
    /// The column of the new release.
    pub new: &'a ColumnPart<'a>,
    /// The column of the old release with the expression that gives it back; none when the new
    /// column is only filled.
    pub old: Option<&'a ColumnPart<'a>>,
    /// Value for rows that write neither column.
    pub default: Option<&'a str>,
    /// Schemas in which expressions are resolved.
    pub search_path: &'a [Ident],
}

/// One of the two columns.
#[derive(Debug, Clone)]
pub(super) struct ColumnPart<'a> {
    /// Its name.
    pub name: Ident,
    /// Its type, as SQL.
    pub data_type: &'a str,
    /// The expression that computes it from the row.
    pub from: &'a str,
}

impl DualWrite<'_> {
    /// Creates function and trigger.
    #[must_use]
    pub(super) fn create(&self) -> Vec<String> {
        let mut sql = vec![
            self.create_function(),
            format!(
                "revoke all on function tidegate.{}() from public",
                self.function
            ),
        ];
        for carrier in self.carriers {
            sql.push(format!(
                "create trigger {} before insert or update on {carrier} for each row \
                 when (pg_catalog.current_setting('tidegate.backfill', true) is distinct from 'on') \
                 execute function tidegate.{}()",
                self.trigger, self.function
            ));
            // Sessions with session_replication_role = replica (logical replication, some loaders)
            // write rows, too.
            sql.push(format!(
                "alter table {carrier} enable always trigger {}",
                self.trigger
            ));
        }
        sql
    }

    /// Removes both; finding nothing is fine.
    #[must_use]
    pub(super) fn remove(&self) -> Vec<String> {
        let mut sql: Vec<String> = self
            .carriers
            .iter()
            .map(|carrier| format!("drop trigger if exists {} on {carrier}", self.trigger))
            .collect();
        sql.push(format!(
            "drop function if exists tidegate.{}()",
            self.function
        ));
        sql
    }

    fn create_function(&self) -> String {
        let body = match self.old {
            Some(old) => self.pair_body(old),
            None => self.fill_body(),
        };
        let path: Vec<String> = self.search_path.iter().map(Ident::to_string).collect();
        format!(
            "create or replace function tidegate.{}() returns trigger language plpgsql \
             security definer set search_path = {}, pg_temp as {}",
            self.function,
            path.join(", "),
            literal(&body)
        )
    }

    /// `NEW.column := (expression over the row, known by the table's bare name)`.
    fn assign(&self, part: &ColumnPart<'_>) -> String {
        format!("new.{} := {};", part.name, self.compute(part))
    }

    /// `(expression over the row, known by the table's bare name)`.
    fn compute(&self, part: &ColumnPart<'_>) -> String {
        format!(
            "(select cast((\n{}\n) as {}) from ({}) as {})",
            part.from,
            part.data_type,
            self.row(),
            self.table.name.name
        )
    }

    /// The row as it will be. PostgreSQL computes generated columns after the BEFORE triggers, so
    /// they are computed here, for expressions that look at them.
    fn row(&self) -> String {
        let columns = &self.table.columns;
        if columns.iter().all(|column| column.generated.is_none()) {
            return "select new.*".to_owned();
        }
        let list: Vec<String> = columns
            .iter()
            .map(|column| match &column.generated {
                Some(generated) => format!(
                    "cast(({}) as {}) as {}",
                    generated.expression, column.data_type, column.name
                ),
                None => format!("tidegate_row.{}", column.name),
            })
            .chain(
                self.new_columns()
                    .map(|name| format!("tidegate_row.{name}")),
            )
            .collect();
        format!(
            "select {} from (select new.*) as tidegate_row",
            list.join(", ")
        )
    }

    /// The new column, while the catalog does not know it yet.
    fn new_columns(&self) -> impl Iterator<Item = &Ident> {
        let name = &self.new.name;
        std::iter::once(name).filter(|name| self.table.column(name.as_str()).is_none())
    }

    /// Whether a column was written: its bytes differ. Equality would not do: `'A' = 'a'` in
    /// citext, `1.0 = 1.00` in numeric, and json has none.
    fn written(column: &Ident) -> String {
        format!("pg_catalog.record_image_ne(row(new.{column}), row(old.{column}))")
    }

    fn disagrees(left: &str, right: &str, data_type: &str) -> String {
        if has_equality(data_type) {
            format!("{left} is distinct from {right}")
        } else {
            format!("pg_catalog.record_image_ne(row({left}), row({right}))")
        }
    }

    fn pair_body(&self, old: &ColumnPart<'_>) -> String {
        let new = self.new;
        let old_changed = Self::written(&old.name);
        let new_changed = Self::written(&new.name);
        let disagree = Self::disagrees("tidegate_up", &format!("new.{}", new.name), new.data_type);
        let default = self.default.map_or_else(String::new, |default| {
            format!(
                "if tg_op = 'INSERT' and new.{0} is null and new.{1} is null then \
                 new.{0} := {default}; tidegate_new := true; end if;\n",
                new.name, old.name
            )
        });
        format!(
            "#variable_conflict use_column\n\
             declare\n  tidegate_old boolean;\n  tidegate_new boolean;\n  tidegate_up {new_type};\n\
             begin\n\
             if tg_op = 'INSERT' then\n\
             tidegate_old := new.{old_name} is not null;\n\
             tidegate_new := new.{new_name} is not null;\n\
             else\n\
             tidegate_old := {old_changed};\n\
             tidegate_new := {new_changed};\n\
             end if;\n\
             {default}\
             if tidegate_old and tidegate_new and new.{new_name} is not null then\n\
             tidegate_up := {up};\n\
             if {disagree} then {to_old} end if;\n\
             elsif tidegate_old or (not tidegate_new and new.{new_name} is null) then\n\
             {to_new}\n\
             elsif tidegate_new then\n\
             {to_old}\n\
             end if;\n\
             return new;\n\
             end",
            new_type = new.data_type,
            new_name = new.name,
            old_name = old.name,
            up = self.compute(new),
            to_old = self.assign(old),
            to_new = self.assign(new),
        )
    }

    fn fill_body(&self) -> String {
        format!(
            "#variable_conflict use_column\n\
             begin\n\
             if new.{} is null then\n{}\nend if;\n\
             return new;\n\
             end",
            self.new.name,
            self.assign(self.new)
        )
    }
}

/// Whether equality of the type is the one that people mean when they say that two values agree:
/// built-in types with one way of being equal. `box = box` compares areas, `json` has no equality,
/// and what a domain or a composite type holds is not known by its name; their bytes are compared.
fn has_equality(data_type: &str) -> bool {
    const WITH: [&str; 22] = [
        "bigint",
        "integer",
        "int",
        "int2",
        "int4",
        "int8",
        "smallint",
        "numeric",
        "decimal",
        "real",
        "double",
        "float8",
        "boolean",
        "bool",
        "text",
        "varchar",
        "character",
        "date",
        "timestamp",
        "timestamptz",
        "uuid",
        "jsonb",
    ];
    let plain = data_type.trim().to_ascii_lowercase();
    let plain = plain.strip_prefix("pg_catalog.").unwrap_or(&plain);
    let base = plain.split(['(', '[', ' ']).next().unwrap_or(plain);
    WITH.contains(&base)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_without_a_plain_equality_are_compared_by_their_bytes() {
        assert!(!has_equality("json"));
        assert!(!has_equality("pg_catalog.xml"));
        assert!(!has_equality("json[]"));
        assert!(!has_equality("public.settings"));
        assert!(has_equality("jsonb"));
        assert!(has_equality("bigint[]"));
        assert!(has_equality("character varying(20)"));
    }
}
