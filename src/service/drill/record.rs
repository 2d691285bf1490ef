//! The history of drills in the repository: sealed, signed, chained.

use crate::copy::Signed;
use crate::error::{Error, Kind, Result};
use crate::recovery::{DrillRecord, DrillReport, Told, unbroken};
use crate::storage::Repository;

/// Where records lie.
const FOLDER: &str = "drills";
/// What the key that signs them is derived for.
const PURPOSE: &str = "tidegate-drill-record";
/// Version of the format.
const VERSION: u32 = 1;

/// The name of a record in the repository.
#[must_use]
pub fn name(id: &str) -> String {
    format!("{FOLDER}/{id}.tg")
}

/// All records, oldest first, after signatures and chain were checked.
///
/// # Errors
/// [`Kind::DrillRecord`] when one was changed, exchanged or taken out; those of the repository.
pub async fn read(repository: &Repository) -> Result<Vec<Told>> {
    let signer = Signed::signer_of(&*repository.derive(PURPOSE)?);
    let mut names: Vec<String> = repository
        .list(FOLDER)
        .await?
        .into_iter()
        .map(|(name, _)| name)
        .filter(|name| name.ends_with(".tg"))
        .collect();
    names.sort();
    let mut told = Vec::with_capacity(names.len());
    for file in names {
        let text = repository.get(&file).await?;
        let broken = |why: String| Error::new(Kind::DrillRecord, format!("{file}: {why}"));
        let signed: Signed =
            serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
        let record: DrillRecord = signed
            .verify_by(std::slice::from_ref(&signer))
            .map_err(|error| broken(error.to_string()).because(error))?;
        if name(&record.report.id) != file {
            return Err(broken(format!("it holds {}", record.report.id)));
        }
        told.push(Told {
            text: signed.manifest,
            record,
        });
    }
    unbroken(&told).map_err(|why| Error::new(Kind::DrillRecord, why))?;
    Ok(told)
}

/// Adds a drill to the history that was just read.
///
/// # Errors
/// Those of the repository; [`Kind::StorageExists`] when somebody was quicker.
pub(super) async fn append(
    repository: &Repository,
    history: &[Told],
    report: &DrillReport,
) -> Result<String> {
    let record = DrillRecord {
        version: VERSION,
        previous: history.last().map(Told::link),
        report: report.clone(),
    };
    let signed = Signed::sign_with(&record, &*repository.derive(PURPOSE)?)?;
    let text = serde_json::to_vec(&signed)
        .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
    let name = name(&report.id);
    repository.put(&name, text).await?;
    Ok(name)
}
