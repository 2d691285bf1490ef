//! Streams large objects through the scanner.

use super::relations::Place;
use super::scanner::Scanner;
use super::table_scan::Scan;
use crate::error::Result;
use crate::masking::leak::Expectation;
use crate::postgres::Session;

/// Bytes of one read.
const CHUNK: i32 = 1 << 20;
/// Bytes read twice, so that a value across two reads is seen whole.
const OVERLAP: i32 = 1 << 10;

/// Searches all large objects; each with a hit becomes a place.
pub(super) async fn large_objects(
    scan: &Scan,
    session: &Session,
    places: &mut Vec<Place>,
) -> Result<()> {
    let oids = session
        .query(
            "select oid from pg_catalog.pg_largeobject_metadata order by oid",
            &[],
        )
        .await?;
    for row in oids {
        let oid: u32 = row.get(0);
        let place = u32::try_from(places.len()).unwrap_or(u32::MAX);
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
        let title = format!("large object {oid}");
        places.push(Place {
            nameless: title.clone(),
            title,
            expects: Expectation::Nothing,
        });
        scan.add(scanner.findings);
    }
    Ok(())
}
