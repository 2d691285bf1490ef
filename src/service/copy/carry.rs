//! The control schema around a copy: the source's ledger of changes comes along, the target's
//! audit log goes on, and reading personal data is recorded where it was read.

use std::io::Cursor;
use std::pin::pin;

use futures_util::{SinkExt, TryStreamExt};
use serde_json::json;
use tokio_postgres::GenericClient;

use crate::config::Target;
use crate::control::{Control, Operator, append_audit_in};
use crate::copy::Mark;
use crate::error::Result;
use crate::postgres::Session;

/// The ledger of changes, referenced tables first.
const LEDGER: &[&str] = &["tidegate.change", "tidegate.phase", "tidegate.step"];

/// The audit log and its head.
const AUDIT: &[&str] = &["tidegate.audit", "tidegate.audit_head"];

/// Whether this Tidegate's control schema is there, in this very version.
async fn has_control(client: &impl GenericClient) -> Result<bool> {
    let row = client
        .query_one(
            "select pg_catalog.to_regclass('tidegate.audit_head') is not null",
            &[],
        )
        .await?;
    Ok(row.get(0))
}

/// Records at the source that its data is read, when its control schema is there and takes writes.
pub(super) async fn note_reading(source: &Target, mark: &Mark) -> Result<()> {
    let session = Session::connect(source, "copy").await?;
    let row = session
        .query_one(
            "select pg_catalog.pg_is_in_recovery() or pg_catalog.current_setting('default_transaction_read_only')::bool",
            &[],
        )
        .await?;
    if row.get(0) || !has_control(&*session).await? {
        return Ok(());
    }
    let detail = json!({ "run": mark.run, "to": mark.to, "plan": mark.plan });
    let event = Operator::of_process(None).event(&mark.from, "copy.read", detail);
    append_audit_in(&*session, &event).await?;
    Ok(())
}

/// Gives the copy a control schema with the source's ledger of changes, so that `migrate status`
/// says of the copy what it says of the source. Returns remarks.
pub(super) async fn changes(source: &Target, copy: &Target) -> Result<Vec<String>> {
    Control::open(copy).await?.pool().close().await;
    let from = Session::connect(source, "copy").await?;
    if !has_control(&*from).await? {
        return Ok(Vec::new());
    }
    let mut to = Session::connect(copy, "copy").await?;
    let versions =
        "select pg_catalog.array_agg(version order by version) from tidegate._sqlx_migrations";
    let ours: Option<Vec<i64>> = to.query_one(versions, &[]).await?.get(0);
    let theirs: Option<Vec<i64>> = from.query_one(versions, &[]).await?.get(0);
    if ours != theirs {
        return Ok(vec![
            "the ledger of changes is not carried: the source's is of another version".to_owned(),
        ]);
    }
    let transaction = to.transaction().await?;
    transaction
        .batch_execute(
            "delete from tidegate.step; delete from tidegate.phase; delete from tidegate.change",
        )
        .await?;
    for table in LEDGER {
        stream(&from, &transaction, table).await?;
    }
    transaction.commit().await?;
    Ok(Vec::new())
}

/// Continues the audit log of the target in the copy, entry for entry, so that its chain of hashes
/// is one; then appends what this copy is. One transaction.
pub(super) async fn audit(
    before: Option<&Target>,
    copy: &Target,
    mark: &Mark,
    manifest: &str,
) -> Result<()> {
    let mut to = Session::connect(copy, "copy").await?;
    let transaction = to.transaction().await?;
    if let Some(before) = before {
        audit_log(before, &transaction).await?;
    }
    let operator = Operator::of_process(None);
    let signed: serde_json::Value = serde_json::from_str(manifest).unwrap_or_default();
    let detail = json!({ "run": mark.run, "from": mark.from, "manifest": signed });
    append_audit_in(&transaction, &operator.event(&mark.to, "copy.run", detail)).await?;
    let detail = json!({ "run": mark.run, "from": mark.from });
    append_audit_in(
        &transaction,
        &operator.event(&mark.to, "copy.promote", detail),
    )
    .await?;
    crate::control::copy::drop_ledger(&transaction).await?;
    Ok(transaction.commit().await?)
}

/// Puts the audit log of `before` in the place of the one in this database.
pub(in crate::service) async fn audit_log(
    before: &Target,
    to: &tokio_postgres::Transaction<'_>,
) -> Result<()> {
    let from = Session::connect(before, "copy").await?;
    if !has_control(&*from).await? {
        return Ok(());
    }
    // The triggers that let the log only grow are off for this transaction alone.
    to.batch_execute(
        "alter table tidegate.audit disable trigger append_only; \
         alter table tidegate.audit_head disable trigger append_only; \
         delete from tidegate.audit; delete from tidegate.audit_head",
    )
    .await?;
    for table in AUDIT {
        stream(&from, to, table).await?;
    }
    Ok(to
        .batch_execute(
            "alter table tidegate.audit enable always trigger append_only; \
             alter table tidegate.audit_head enable always trigger append_only",
        )
        .await?)
}

/// Carries all rows of a control table; its name is one of the constants above.
async fn stream(from: &Session, to: &tokio_postgres::Transaction<'_>, table: &str) -> Result<()> {
    let mut rows = pin!(
        from.copy_out(&format!("copy {table} to stdout (format binary)"))
            .await?
    );
    let copy_in = format!("copy {table} from stdin (format binary)");
    let sink = to.copy_in::<_, Cursor<Vec<u8>>>(&copy_in);
    let mut sink = pin!(sink.await?);
    while let Some(data) = rows.try_next().await? {
        sink.feed(Cursor::new(data.to_vec())).await?;
    }
    sink.finish().await?;
    Ok(())
}
