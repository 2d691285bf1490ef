//! The leak scan: every raw value of the source that identifies somebody, sought in the whole
//! target.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::canary::{Canaries, Flight};
use super::catalog_texts::{blind_spots, catalog_texts};
use super::findings::{Findings, Found};
use super::large_objects::large_objects;
use super::relations::{Place, Relation, relations};
use super::scanner::{Scanner, Sought, exact_kind};
use super::source::SourceValues;
use super::table_scan::{Part, Scan};
use crate::clock::Clock;
use crate::copy::{CHUNK_BYTES, ranges};
use crate::error::{Error, Kind, Result};
use crate::masking::leak::{
    Entry, Expectation, Filter, Form, FormKind, LiveKind, LiveThings, MAX_DIGITS, RunKey,
    allowed_by_chance, coincides,
};
use crate::masking::{Class, MaskPlan};
use crate::postgres::Session;
use crate::service::copy::Leak;
use crate::sql::Ident;

/// Passes at most: 10 million values each.
const MAX_PASSES: u64 = 1 << 10;

/// What a leak scan works on. All source sessions are in transactions with one snapshot; the
/// target is at rest.
#[derive(Debug, Clone, Copy)]
pub struct LeakScan<'a> {
    /// The source, at one instant.
    pub source: &'a Session,
    /// Sessions of the target; tables are spread over them.
    pub target: &'a [Session],
    /// Which columns of the source are masked.
    pub plan: &'a MaskPlan,
    /// Mail domains that are safe besides the reserved ones.
    pub safe_domains: &'a [String],
    /// Measures.
    pub clock: &'a dyn Clock,
    /// Ends the scan.
    pub cancel: &'a CancellationToken,
}

/// What a leak scan has found.
#[derive(Debug, Clone, Default)]
pub struct Scanned {
    /// Values of the source where they must not be.
    pub leaks: Vec<Leak>,
    /// Deliverable addresses and live tokens.
    pub live: Vec<(LiveKind, Leak)>,
    /// Distinct forms of values that were sought.
    pub values: u64,
    /// Bytes of the target that were searched, as text.
    pub bytes: u64,
    /// Passes over the target.
    pub passes: u64,
    /// How long reading the source took.
    pub gathering: Duration,
    /// How long searching the target took.
    pub searching: Duration,
    /// Occurrences that are no leak: masks that meet another person's value, columns that the
    /// policy keeps.
    pub allowed: u64,
    /// Whether the scan sees every channel.
    pub canaries: Flight,
    /// Parts of the target that exist and that the role may not read.
    pub blind: Vec<String>,
    /// Channels whose query the role may not run.
    denied: Vec<&'static str>,
}

/// Values that wait for their confirmation: place, hash in the filter.
type Suspects = Vec<(usize, u64, Found)>;

/// Seeks all identifying values of the source in the target.
///
/// # Errors
/// Reading either side fails; [`Kind::Interrupted`] when cancelled.
pub async fn leak_scan(scan: &LeakScan<'_>, key: &RunKey) -> Result<Scanned> {
    let start = scan.clock.monotonic();
    let values = SourceValues::of(scan.source, scan.plan).await?;
    let canaries = Canaries::new(&database(scan.target).await?)?;
    let mut scanned = Scanned::default();
    let (mut pass, mut passes) = (0, 1);
    while pass < passes {
        let begun = scan.clock.monotonic();
        let Some(filter) = build(scan, (&values, &canaries), key, (pass, passes)).await? else {
            passes *= 2;
            if passes > MAX_PASSES {
                return Err(Error::new(
                    Kind::CopyGate,
                    "the source holds too many values for a leak scan",
                ));
            }
            (pass, scanned) = (0, Scanned::default());
            continue;
        };
        let filter = Arc::new(filter);
        let built = scan.clock.monotonic();
        scanned.gathering += built.saturating_sub(begun);
        let sought = Sought {
            live: (pass == 0).then(|| Arc::new(LiveThings::new(scan.safe_domains))),
            filter: Arc::clone(&filter),
        };
        search(scan, &values, &sought, &mut scanned).await?;
        if let (0, Some(session)) = (pass, scan.target.first()) {
            let denied = (scanned.denied.as_slice(), scan.cancel);
            scanned.canaries = canaries.fly(&sought, session, denied).await?;
        }
        scanned.searching += scan.clock.monotonic().saturating_sub(built);
        scanned.values += filter.values();
        pass += 1;
    }
    scanned.passes = passes;
    scanned.leaks = joined(scanned.leaks);
    tracing::debug!(took = ?scan.clock.monotonic().saturating_sub(start), "leak scan");
    Ok(scanned)
}

async fn database(sessions: &[Session]) -> Result<Ident> {
    let Some(session) = sessions.first() else {
        return Err(Error::new(Kind::Internal, "a leak scan needs a session"));
    };
    let row = session
        .query_one("select pg_catalog.current_database()::text", &[])
        .await?;
    Ident::new(row.get::<_, String>(0))
}

/// The filter of one pass; `None` when it would grow over its bound.
async fn build(
    scan: &LeakScan<'_>,
    (values, canaries): (&SourceValues, &Canaries),
    key: &RunKey,
    part: (u64, u64),
) -> Result<Option<Filter>> {
    let mut filter = Filter::new(key.clone(), part);
    let mut full = false;
    let key = key.clone();
    let make = move |class, form: &Form<'_>| Entry::of(&key, class, form);
    let put = |entries: Vec<Entry>| {
        let mut entries = entries.iter();
        full = entries.any(|entry| filter.insert_entry(entry).is_err());
        !full
    };
    values.read(scan.source, scan.cancel, make, put).await?;
    full = full || canaries.enter(&mut filter).is_err();
    filter.seal();
    Ok((!full).then_some(filter))
}

/// One pass over the target.
async fn search(
    scan: &LeakScan<'_>,
    values: &SourceValues,
    sought: &Sought,
    scanned: &mut Scanned,
) -> Result<()> {
    let filter = &*sought.filter;
    let pass = Scan::new(sought.clone(), scan.cancel);
    let mut places = Vec::new();
    whole_database(&pass, scan, &mut places, scanned).await?;
    let findings = pass.finish().await?;
    scanned.bytes = scanned.bytes.max(findings.bytes);
    scanned.allowed += findings.allowed_count;
    let suspects = suspects(&findings, &places, filter);
    let confirmed = confirm(scan, values, filter.key(), &suspects).await?;
    let mut names = Scanner::new(sought);
    let mut more = findings.more;
    for (place, _, found) in suspects {
        if confirmed.contains(&found.exact) {
            let number = u32::try_from(place).unwrap_or(u32::MAX);
            let beyond = more.remove(&(number, found.class)).unwrap_or(0);
            scanned.leaks.push(Leak {
                place: shown(&places[place], &mut names),
                class: Some(found.class),
                count: found.count + beyond,
            });
        }
    }
    let live: BTreeMap<(u32, LiveKind), u64> = findings.live.into_iter().collect();
    for ((place, kind), count) in live {
        let leak = Leak {
            place: shown(&places[place as usize], &mut names),
            class: None,
            count,
        };
        scanned.live.push((kind, leak));
    }
    Ok(())
}

/// Searches tables, the catalog and large objects; tables are spread over the sessions.
async fn whole_database(
    pass: &Arc<Scan>,
    scan: &LeakScan<'_>,
    places: &mut Vec<Place>,
    scanned: &mut Scanned,
) -> Result<()> {
    let Some(first) = scan.target.first() else {
        return Err(Error::new(Kind::Internal, "a leak scan needs a session"));
    };
    let relations = relations(first, scan.plan, None).await?;
    tables(pass, scan.target, &relations, places).await?;
    scanned.denied = catalog_texts(pass, first, places, (&[], &scan.plan.allow)).await?;
    scanned.blind = blind_spots(first).await?;
    let objects = large_objects(pass, first, (false, places)).await?;
    if objects > 0 {
        scanned.blind.push(format!("{objects} large objects"));
    }
    Ok(())
}

/// Searches the tables, the largest first, as many ranges of blocks at once as there are sessions.
pub(super) async fn tables(
    pass: &Arc<Scan>,
    sessions: &[Session],
    relations: &[Relation],
    places: &mut Vec<Place>,
) -> Result<()> {
    let mut parts = Vec::new();
    for relation in relations {
        let first = u32::try_from(places.len()).unwrap_or(u32::MAX);
        let all = ranges(relation.blocks, relation.bytes, CHUNK_BYTES);
        parts.extend(all.into_iter().map(|range| Part {
            relation,
            first,
            range,
        }));
        places.extend(relation.columns.iter().map(|column| column.place.clone()));
    }
    let next = AtomicUsize::new(0);
    let workers = sessions.iter().map(|session| async {
        while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            pass.part(session, part).await?;
        }
        Ok::<_, Error>(())
    });
    futures_util::future::try_join_all(workers).await?;
    Ok(())
}

/// The hits that neither chance nor the origin of a derived place explains.
fn suspects(findings: &Findings, places: &[Place], filter: &Filter) -> Suspects {
    let mut by_length: BTreeMap<(u32, usize), u64> = BTreeMap::new();
    for ((place, _), found) in &findings.found {
        if found.kind == FormKind::Digits {
            *by_length.entry((*place, found.digits)).or_default() += found.count;
        }
    }
    let chance = |place: u32, digits: usize| {
        let probes = findings
            .probes
            .get(&place)
            .map_or(0, |probes| probes[digits.min(MAX_DIGITS)]);
        by_length.get(&(place, digits)).copied().unwrap_or(0)
            <= allowed_by_chance(probes, filter.numbers(digits), digits)
    };
    let mut all: Suspects = Vec::new();
    for ((place, hash), found) in &findings.found {
        let number = *place;
        let Some(expects) = places.get(number as usize).map(|place| place.expects) else {
            continue;
        };
        let explained = expects == Expectation::Derived
            && (findings.allowed.contains(hash) || findings.allowed_full && coincides(found.class));
        if explained || found.kind == FormKind::Digits && chance(number, found.digits) {
            continue;
        }
        all.push((number as usize, *hash, found.clone()));
    }
    all
}

/// Looks at the source a second time: which suspects are values of it, by a hash of 128 bits.
async fn confirm(
    scan: &LeakScan<'_>,
    values: &SourceValues,
    key: &RunKey,
    suspects: &Suspects,
) -> Result<HashSet<u128>> {
    let mut open: HashSet<u128> = suspects.iter().map(|(.., found)| found.exact).collect();
    let mut confirmed = HashSet::new();
    if open.is_empty() {
        return Ok(confirmed);
    }
    let hashes: HashSet<u64> = suspects.iter().map(|(_, hash, _)| *hash).collect();
    let key = key.clone();
    // The slow hash is computed only of forms that have the quick one of a suspect.
    let make = move |class, form: &Form<'_>| {
        let entry = Entry::of(&key, class, form)?;
        let suspect = hashes.contains(&entry.hash());
        suspect.then(|| key.exact(exact_kind(form.kind), &form.canonical()))
    };
    let put = |exacts: Vec<u128>| {
        confirmed.extend(exacts.into_iter().filter(|exact| open.remove(exact)));
        !open.is_empty()
    };
    values.read(scan.source, scan.cancel, make, put).await?;
    Ok(confirmed)
}

/// How a place is named: without names when one of them is a value itself.
fn shown(place: &Place, names: &mut Scanner) -> String {
    let before = names.findings.found.len();
    names.text(place.title.as_bytes(), (0, Expectation::Nothing));
    if names.findings.found.len() == before {
        place.title.clone()
    } else {
        names.findings = Findings::default();
        place.nameless.clone()
    }
}

/// One line a place and class.
fn joined(leaks: Vec<Leak>) -> Vec<Leak> {
    let mut all: BTreeMap<(String, Option<Class>), u64> = BTreeMap::new();
    for leak in leaks {
        *all.entry((leak.place, leak.class)).or_default() += leak.count;
    }
    all.into_iter()
        .map(|((place, class), count)| Leak {
            place,
            class,
            count,
        })
        .collect()
}
