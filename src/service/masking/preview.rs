//! What the rules do to some rows of a table. Values of the source are shown as shapes, unless
//! somebody breaks the glass, which is written to the audit log first.

use std::error::Error as StdError;
use std::sync::Arc;

use bytes::BytesMut;
use serde::Serialize;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use crate::catalog::{Catalog, Table};
use crate::config::Target;
use crate::control::{Control, Operator};
use crate::error::{Error, Kind, Result};
use crate::masking::{
    Class, ColumnFacts, ColumnPlan, Columns, FieldMask, MaskKey, MaskPlan, Masked, Row, compile,
};
use crate::postgres::{Scope, Session, search_path};

/// Characters of a value or shape that are shown.
const SHOWN: usize = 60;

/// What is to be shown.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The table, as written.
    pub table: &'a str,
    /// Rows at most.
    pub rows: u32,
    /// Whether raw values are shown.
    pub raw: bool,
}

/// What the rules do to a table.
#[derive(Debug, Serialize)]
pub struct Preview {
    /// The table.
    pub table: String,
    /// Rows that were read.
    pub rows: usize,
    /// Whether `before` holds raw values instead of shapes.
    pub raw: bool,
    /// Its columns.
    pub columns: Vec<PreviewColumn>,
}

/// What a rule does to a column.
#[derive(Debug, Serialize)]
pub struct PreviewColumn {
    /// The column.
    pub column: String,
    /// Its type.
    #[serde(rename = "type")]
    pub data_type: String,
    /// What kind of personal data it holds.
    pub class: Option<Class>,
    /// The name of the mask.
    pub rule: String,
    /// Where the rule comes from.
    pub origin: String,
    /// Why the rule cannot be carried out.
    pub problem: Option<String>,
    /// One for each row.
    pub values: Vec<PreviewValue>,
}

/// A value before and after.
#[derive(Debug, Serialize)]
pub struct PreviewValue {
    /// Its shape (`aaaa.aaaa@aaaa.aaa`), or itself; `None` for null.
    pub before: Option<String>,
    /// What a copy holds; the shape again when the value is kept. `None` for null.
    pub after: Option<String>,
}

/// Where a preview comes from.
#[derive(Debug, Clone, Copy)]
pub struct From<'a> {
    /// A connection to the source.
    pub session: &'a Session,
    /// The source.
    pub target: &'a Target,
    /// Its catalog.
    pub catalog: &'a Catalog,
    /// The plan for it.
    pub plan: &'a MaskPlan,
}

/// Reads some rows of a table and masks them.
///
/// # Errors
/// [`Kind::UnknownObject`] for a table that is not there; those of the database. A rule that does
/// not fit is told in its column.
pub async fn preview(from: From<'_>, key: &MaskKey, request: Request<'_>) -> Result<Preview> {
    let table = find(from, request.table)?;
    let columns = columns_of(from, table)?;
    if request.raw {
        note(from.target, table, request.rows).await?;
    }
    let rows = read(from, table, columns, request.rows).await?;
    let names = columns.iter().map(|c| c.column.as_str());
    let of_row = Arc::new(Columns::of(from.catalog, table, names));
    let mut preview = Preview {
        table: table.name.plain(),
        rows: rows.len(),
        raw: request.raw,
        columns: Vec::new(),
    };
    for (index, planned) in columns.iter().enumerate() {
        let Some(column) = table.column(planned.column.as_str()) else {
            continue;
        };
        let facts = ColumnFacts::of(from.catalog, table, column, &of_row);
        let (mask, problem) = match compile(&planned.rule, &facts, key) {
            Ok(mask) => (mask, None),
            Err(error) => (None, Some(error.to_string())),
        };
        let mut shown = PreviewColumn {
            column: planned.column.as_str().to_owned(),
            data_type: column.data_type.clone(),
            class: planned.class,
            rule: planned.rule.name().to_owned(),
            origin: planned.origin.clone(),
            problem,
            values: Vec::new(),
        };
        let render = Render {
            session: from.session,
            data_type: &column.data_type,
            mask,
        };
        for row in &rows {
            let before = row.texts[index]
                .as_deref()
                .map(|text| if request.raw { cut(text) } else { shape(text) });
            let after = match (&shown.problem, planned.rule.sql()) {
                (Some(_), _) => None,
                (None, Some(_)) => row.computed[index].as_deref().map(cut),
                (None, None) if planned.rule.is_keep() => before.clone(),
                (None, None) => match render.after(row, index).await? {
                    Ok(after) => after,
                    Err(problem) => {
                        shown.problem = Some(problem.to_owned());
                        None
                    }
                },
            };
            shown.values.push(PreviewValue { before, after });
        }
        preview.columns.push(shown);
    }
    Ok(preview)
}

fn find<'a>(from: From<'a>, name: &str) -> Result<&'a Table> {
    from.catalog
        .resolve(name, &from.target.search_path)
        .ok_or_else(|| {
            let error = Error::new(Kind::UnknownObject, format!("there is no table {name}"));
            match from.catalog.suggest(name) {
                Some(near) => error.hint(format!("did you mean \"{}\"?", near.plain())),
                None => error,
            }
        })
}

/// The plan of a table; that of its first partition when it is partitioned, for all have one.
fn columns_of<'a>(from: From<'a>, table: &Table) -> Result<&'a [ColumnPlan]> {
    from.catalog
        .leaves(&table.name)
        .into_iter()
        .find_map(|leaf| from.plan.table(&leaf.name))
        .map(|plan| plan.columns.as_slice())
        .ok_or_else(|| {
            Error::new(
                Kind::UnknownObject,
                format!("no rows of {} are copied", table.name.plain()),
            )
            .hint("it is a foreign table, or has no partitions")
        })
}

/// Raw values are personal data: who looks at them is on record before anything is shown.
async fn note(target: &Target, table: &Table, rows: u32) -> Result<()> {
    let control = Control::open(target).await?;
    let detail = serde_json::json!({ "table": table.name.plain(), "rows": rows });
    let event = Operator::of_process(None).event(&target.environment, "mask.preview_raw", detail);
    control.append_audit(&event).await.map(drop)
}

/// A row as it was read.
struct ReadRow {
    fields: Vec<Option<Vec<u8>>>,
    texts: Vec<Option<String>>,
    computed: Vec<Option<String>>,
}

async fn read(
    from: From<'_>,
    table: &Table,
    columns: &[ColumnPlan],
    rows: u32,
) -> Result<Vec<ReadRow>> {
    let bare: Vec<String> = columns.iter().map(|c| format!("t.{}", c.column)).collect();
    let texts: Vec<String> = bare
        .iter()
        .map(|name| format!("{name}::pg_catalog.text"))
        .collect();
    let computed: Vec<String> = columns
        .iter()
        .map(|column| match column.rule.sql() {
            Some(expression) => format!("(\n{expression}\n)::pg_catalog.text"),
            None => "null::pg_catalog.text".to_owned(),
        })
        .collect();
    // The expressions are the user's and are read as the user's SQL is.
    let path = search_path(&from.target.search_path, Scope::Transaction)?;
    let begin = format!("begin isolation level repeatable read read only; {path}");
    from.session.batch_execute(&begin).await?;
    let query = format!(
        "select {}, {}, {} from {} as t limit {rows}",
        bare.join(", "),
        texts.join(", "),
        computed.join(", "),
        table.name
    );
    let result = from.session.query(&query, &[]).await;
    from.session.batch_execute("rollback").await?;
    let count = columns.len();
    result?
        .iter()
        .map(|row| {
            let mut read = ReadRow {
                fields: Vec::with_capacity(count),
                texts: Vec::with_capacity(count),
                computed: Vec::with_capacity(count),
            };
            for index in 0..count {
                let raw: Option<Raw> = row.try_get(index)?;
                read.fields.push(raw.map(|raw| raw.0));
                read.texts.push(row.try_get(count + index)?);
                read.computed.push(row.try_get(2 * count + index)?);
            }
            Ok(read)
        })
        .collect()
}

/// Masks a field and lets the server write the result as text.
struct Render<'a> {
    session: &'a Session,
    data_type: &'a str,
    mask: Option<Arc<dyn FieldMask>>,
}

impl Render<'_> {
    async fn after(
        &self,
        row: &ReadRow,
        index: usize,
    ) -> Result<std::result::Result<Option<String>, &'static str>> {
        let Some(mask) = &self.mask else {
            return Ok(Ok(None));
        };
        let fields: Vec<Option<&[u8]>> = row.fields.iter().map(Option::as_deref).collect();
        if fields[index].is_none() && !mask.sees_nulls() {
            return Ok(Ok(None));
        }
        let mut out = Vec::new();
        match mask.apply(fields[index], &Row { fields: &fields }, &mut out) {
            Err(error) => Ok(Err(error.reason)),
            Ok(Masked::Null) => Ok(Ok(None)),
            Ok(Masked::Value) => {
                // The name of the type comes from format_type, which quotes it.
                let query = format!("select ($1::{})::pg_catalog.text", self.data_type);
                let row = self.session.query_one(&query, &[&Raw(out)]).await?;
                let text: Option<String> = row.try_get(0)?;
                Ok(Ok(text.as_deref().map(cut)))
            }
        }
    }
}

/// Bytes of a type's binary form.
#[derive(Debug)]
struct Raw(Vec<u8>);

impl<'a> FromSql<'a> for Raw {
    fn from_sql(
        _: &Type,
        raw: &'a [u8],
    ) -> std::result::Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(raw.to_vec()))
    }

    fn accepts(_: &Type) -> bool {
        true
    }
}

impl ToSql for Raw {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> std::result::Result<IsNull, Box<dyn StdError + Sync + Send>> {
        out.extend_from_slice(&self.0);
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// A value without what it says: letters become `a` and `A`, digits `9`, letters of other scripts
/// `x`; punctuation and its length stay.
fn shape(text: &str) -> String {
    let plain: String = text
        .chars()
        .take(SHOWN + 1)
        .map(|c| match c {
            'a'..='z' => 'a',
            'A'..='Z' => 'A',
            c if c.is_numeric() => '9',
            c if c.is_control() => ' ',
            c if c.is_ascii() => c,
            _ => 'x',
        })
        .collect();
    cut(&plain)
}

fn cut(text: &str) -> String {
    let mut shown: String = text.chars().take(SHOWN).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_say_nothing() {
        assert_eq!(shape("anna.Kern7@web.de"), "aaaa.Aaaa9@aaa.aa");
        assert_eq!(shape("Łódź 12\n"), "xxax 99 ");
        assert_eq!(shape(&"1".repeat(100)).chars().count(), SHOWN + 1);
        assert!(!shape("١٢٣ 東京").chars().any(|c| "١٢٣東京".contains(c)));
    }
}
