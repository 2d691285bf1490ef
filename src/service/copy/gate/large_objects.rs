//! Streams large objects through the scanner.

use super::relations::Place;
use super::scanner::Scanner;
use super::table_scan::Scan;
use crate::error::{Kind, Result};
use crate::masking::leak::Expectation;
use crate::postgres::Session;

/// Bytes of one read.
const CHUNK: i32 = 1 << 20;
/// Bytes read twice, so that a value across two reads is seen whole.
const OVERLAP: i32 = 1 << 10;

/// All of them, or the canary's alone.
const OIDS: &str = "
select oid from pg_catalog.pg_largeobject_metadata
where not $1 or oid = nullif(pg_catalog.current_setting('tidegate.canary_object', true), '')::oid
order by oid";

/// Searches all large objects, or only the canary that was planted in this transaction; each
/// becomes a place. Returns how many the role may not read.
pub(super) async fn large_objects(
    scan: &Scan,
    session: &Session,
    (canary, places): (bool, &mut Vec<Place>),
) -> Result<u64> {
    let mut denied = 0;
    for row in session.query(OIDS, &[&canary]).await? {
        let oid: u32 = row.get(0);
        match large_object(scan, session, oid, places).await {
            Err(error) if error.kind() == Kind::Privilege => denied += 1,
            result => result?,
        }
    }
    Ok(denied)
}

async fn large_object(
    scan: &Scan,
    session: &Session,
    oid: u32,
    places: &mut Vec<Place>,
) -> Result<()> {
    let place = u32::try_from(places.len()).unwrap_or(u32::MAX);
    let title = format!("large object {oid}");
    places.push(Place {
        nameless: title.clone(),
        title,
        expects: Expectation::Nothing,
    });
    let mut scanner = Scanner::new(&scan.sought);
    let mut offset = 0_i64;
    loop {
        scan.check()?;
        let row = session
            .query_one(
                "select pg_catalog.lo_get($1, $2, $3)",
                &[&oid, &offset, &CHUNK],
            )
            .await?;
        let bytes: &[u8] = row.get(0);
        scanner.text(bytes, (place, Expectation::Nothing));
        if bytes.len() < CHUNK.unsigned_abs() as usize {
            break;
        }
        offset += i64::from(CHUNK - OVERLAP);
    }
    scan.add(scanner.findings);
    Ok(())
}
