//! One table that both sides have.

use std::pin::pin;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _, TryStreamExt as _};

use super::file::PatchFile;
use super::run::{Side, TableRescued};
use crate::catalog::Table;
use crate::diff::{self, Patch, Types, align};
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;

/// What is compared of a table, and what differs in the tables themselves.
pub(super) fn patch(
    restored: (&Side<'_>, &Table),
    living: (&Side<'_>, &Table),
) -> Result<(Patch, Vec<String>)> {
    let (left, right) = (Types::of(&restored.0.catalog), Types::of(&living.0.catalog));
    let side = |table, types| diff::Side { table, types };
    let aligned = align(side(restored.1, &left), side(living.1, &right), None);
    let name = &living.1.name;
    if aligned.key.is_empty() {
        let text = format!("{} has no key that both sides share", name.plain());
        return Err(Error::new(Kind::Unsupported, text).hint(
            "rows without a key cannot be told apart: restore with --to DIR --keep-running, and look yourself",
        ));
    }
    let key: Vec<_> = aligned
        .key
        .iter()
        .map(|column| column.name.clone())
        .collect();
    let stored = |name: &&crate::sql::Ident| {
        let of = |table: &Table| {
            table
                .column(name.as_str())
                .is_some_and(|c| c.generated.is_none())
        };
        of(restored.1) && of(living.1)
    };
    let others = aligned.columns.iter().map(|column| &column.name);
    let others = others.filter(|name| !key.contains(name)).filter(stored);
    let patch = Patch {
        table: name.clone(),
        partitioned: living.1.is_partitioned(),
        others: others.cloned().collect(),
        key,
    };
    Ok((
        patch,
        aligned.remarks.iter().map(ToString::to_string).collect(),
    ))
}

/// Compares the rows, and writes what brings them back.
pub(super) async fn write(
    patch: &Patch,
    (restored, living): (&Session, &Session),
    file: &mut PatchFile,
) -> Result<TableRescued> {
    restored.batch_execute(&patch.stage()).await?;
    carry(patch, living, restored).await?;
    file.comment(&format!("{}: rows that are gone", patch.table))
        .await?;
    let missing = insert(patch, restored, file).await?;
    file.comment(&format!("{}: rows that were changed", patch.table))
        .await?;
    let changed = update(patch, restored, file).await?;
    let added: i64 = restored.query_one(&patch.added(), &[]).await?.try_get(0)?;
    file.comment(&format!(
        "{}: {added} rows came later, and stay",
        patch.table
    ))
    .await?;
    Ok(TableRescued {
        table: patch.table.plain(),
        gone: false,
        missing,
        changed,
        added: u64::try_from(added).unwrap_or_default(),
        remarks: Vec::new(),
    })
}

/// The living rows, to the restored server.
async fn carry(patch: &Patch, living: &Session, restored: &Session) -> Result<()> {
    let rows = living.copy_out(&patch.read()).await?;
    let sink = restored.copy_in::<_, Bytes>(&patch.load()).await?;
    let (mut rows, mut sink) = (pin!(rows), pin!(sink));
    while let Some(bytes) = rows.next().await {
        let bytes = bytes?;
        living.spend(bytes.len()).await;
        sink.send(bytes).await?;
    }
    sink.finish().await?;
    Ok(())
}

async fn insert(patch: &Patch, restored: &Session, file: &mut PatchFile) -> Result<u64> {
    let mut rows = pin!(restored.copy_out(&patch.missing()).await?);
    let mut count = 0;
    while let Some(bytes) = rows.next().await {
        let bytes = bytes?;
        if count == 0 {
            file.line(&patch.insert()).await?;
        }
        // The text format writes a line break inside of a value as `\n`.
        count += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        file.bytes(&bytes).await?;
    }
    if count > 0 {
        file.line("\\.").await?;
    }
    Ok(count)
}

async fn update(patch: &Patch, restored: &Session, file: &mut PatchFile) -> Result<u64> {
    let Some(sql) = patch.changed() else {
        return Ok(0);
    };
    let rows = restored.query_raw(&sql, std::iter::empty::<&str>()).await?;
    let mut rows = pin!(rows);
    let mut count = 0;
    while let Some(row) = rows.try_next().await? {
        let texts = (0..row.len()).map(|at| row.try_get(at));
        let texts: Vec<Option<&str>> = texts.collect::<Result<_, _>>()?;
        file.line(&patch.update(&texts)).await?;
        count += 1;
    }
    Ok(count)
}
