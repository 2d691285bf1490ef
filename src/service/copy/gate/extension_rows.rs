//! Rows in tables of extensions that the policy lets through are those of the source.

use super::Subject;
use crate::error::Result;
use crate::postgres::Session;
use crate::service::copy::Check;
use crate::service::copy::extensions::configuration;

/// Compares what was carried; no check when that is nothing.
pub(super) async fn check(
    subject: &Subject<'_>,
    (source, target): (&Session, &Session),
) -> Result<Option<Check>> {
    let (mut tables, mut wrong) = (0, Vec::new());
    for one in configuration(source).await? {
        if !one.is_carried(&subject.masks.allow) {
            continue;
        }
        tables += 1;
        if one.sum(source).await? != one.sum(target).await? {
            wrong.push(one.name.plain());
        }
    }
    Ok((tables > 0).then(|| Check {
        name: "extension rows".to_owned(),
        passed: wrong.is_empty(),
        detail: if wrong.is_empty() {
            format!("equal in {tables} of {tables} tables")
        } else {
            format!("not equal: {}", wrong.join(", "))
        },
    }))
}
