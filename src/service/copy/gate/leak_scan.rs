//! The leak scan: every raw value of the source that identifies somebody, sought in the whole
//! target.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::canary::{Canaries, Flight};
use super::catalog_texts::{blind_spots, catalog_texts};
use super::comparison::{Comparison, pinned_path};
use super::findings::{Findings, Found};
use super::joint::has_room;
use super::large_objects::large_objects;
use super::relations::{Place, Relation, relations};
use super::scanner::{Scanner, Sought, exact_kind};
use super::source::SourceValues;
use super::table_scan::{Part, Scan};
use crate::clock::Clock;
use crate::copy::{CHUNK_BYTES, Range, ranges};
use crate::error::{Error, Kind, Result};
use crate::masking::leak::{
    Entry, Expectation, Filter, Form, FormKind, LiveKind, LiveThings, MAX_DIGITS, RunKey, Token,
    Tokens, allowed_by_chance, coincides,
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

/// What was made of the source before.
#[derive(Debug, Default)]
pub(super) struct Prepared<'a> {
    /// Tables whose rows in the target are summed in the stream that is searched.
    pub(super) comparison: Option<&'a Comparison<'a>>,
    /// The values that are sought, the canaries among them; `None` when they do not fit, or were not
    /// gathered.
    pub(super) filter: Option<Filter>,
    /// The canaries.
    pub(super) canaries: Option<Canaries>,
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
    /// One of so many things that look like digests was looked at; 0 when there were none.
    pub digests_one_of: u64,
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
    prepared_scan(scan, key, Prepared::default()).await
}

/// The same with what the comparison of both sides has gathered.
pub(super) async fn prepared_scan(
    scan: &LeakScan<'_>,
    key: &RunKey,
    prepared: Prepared<'_>,
) -> Result<Scanned> {
    let start = scan.clock.monotonic();
    let values = SourceValues::of(scan.source, scan.plan).await?;
    let Prepared {
        comparison,
        mut filter,
        canaries,
    } = prepared;
    let canaries = match canaries {
        Some(canaries) => canaries,
        None => canaries_for(scan.target).await?,
    };
    let mut scanned = Scanned::default();
    // What did not fit into the comparison's filter needs two at least.
    let overflown = comparison.is_some() && filter.is_none();
    let (mut pass, mut passes) = (0, 1 + u64::from(overflown));
    while pass < passes {
        let begun = scan.clock.monotonic();
        let made = match filter.take() {
            Some(filter) => Some(filter),
            None => build(scan, (&values, &canaries), key, (pass, passes)).await?,
        };
        let Some(mut filter) = made else {
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
        filter.seal();
        let filter = Arc::new(filter);
        let built = scan.clock.monotonic();
        scanned.gathering += built.saturating_sub(begun);
        let sought = Sought {
            live: (pass == 0).then(|| Arc::new(LiveThings::new(scan.safe_domains))),
            filter: Arc::clone(&filter),
        };
        search(scan, (&values, comparison), &sought, &mut scanned).await?;
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

/// Canaries for the database of these sessions.
pub(super) async fn canaries_for(sessions: &[Session]) -> Result<Canaries> {
    let Some(session) = sessions.first() else {
        return Err(Error::new(Kind::Internal, "a leak scan needs a session"));
    };
    let row = session
        .query_one("select pg_catalog.current_database()::text", &[])
        .await?;
    Canaries::new(&Ident::new(row.get::<_, String>(0))?)
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
    let (source, cancel) = (scan.source, scan.cancel);
    values.read(source, cancel, make.clone(), put).await?;
    let put = |entries: Vec<Entry>| {
        let mut entries = entries.iter();
        full |= entries.any(|entry| filter.insert_always(entry).is_err());
        !full
    };
    let planted = SourceValues::canaries(canaries)?;
    planted.read(source, cancel, make, put).await?;
    Ok((!full).then_some(filter))
}

/// One pass over the target.
async fn search(
    scan: &LeakScan<'_>,
    (values, comparison): (&SourceValues, Option<&Comparison<'_>>),
    sought: &Sought,
    scanned: &mut Scanned,
) -> Result<()> {
    let filter = &*sought.filter;
    let pass = Scan::new(sought.clone(), scan.cancel);
    let mut places = Vec::new();
    let comparison = comparison.filter(|comparison| !comparison.target_is_read());
    whole_database(&pass, (scan, comparison), &mut places, scanned).await?;
    let mut findings = pass.finish().await?;
    if let Some(comparison) = comparison {
        comparison.end_target();
    }
    scanned.bytes = scanned.bytes.max(findings.bytes);
    scanned.allowed += findings.allowed_count;
    let suspects = suspects(&findings, &places, filter);
    let tokens = std::mem::take(&mut findings.tokens);
    let digests = digests(scan, tokens, scanned).await?;
    let confirmed = confirm(scan, values, filter.key(), &suspects).await?;
    let mut names = Scanner::new(sought);
    for ((place, class), count) in digests {
        let place = format!(
            "{} (unsalted digest)",
            shown(&places[place as usize], &mut names)
        );
        let class = Some(class);
        scanned.leaks.push(Leak {
            place,
            class,
            count,
        });
    }
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
    (scan, comparison): (&LeakScan<'_>, Option<&Comparison<'_>>),
    places: &mut Vec<Place>,
    scanned: &mut Scanned,
) -> Result<()> {
    let Some(first) = scan.target.first() else {
        return Err(Error::new(Kind::Internal, "a leak scan needs a session"));
    };
    let relations = relations(first, scan.plan, None).await?;
    tables(pass, scan.target, (&relations, comparison), places).await?;
    scanned.denied = catalog_texts(pass, first, places, (&[], &scan.plan.allow)).await?;
    scanned.blind = blind_spots(first).await?;
    let objects = large_objects(pass, first, (false, places)).await?;
    if objects > 0 {
        scanned.blind.push(format!("{objects} large objects"));
    }
    Ok(())
}

/// Searches the tables, the largest first, as many ranges of blocks at once as there are sessions;
/// those of the comparison are summed in the same streams.
pub(super) async fn tables(
    pass: &Arc<Scan>,
    sessions: &[Session],
    (relations, comparison): (&[Relation], Option<&Comparison<'_>>),
    places: &mut Vec<Place>,
) -> Result<()> {
    let parts = parts((relations, comparison), places);
    let next = AtomicUsize::new(0);
    let workers = sessions.iter().map(|session| async {
        if let Some(comparison) = comparison {
            comparison.project_path(session).await?;
        }
        while let Some(part) = parts.get(next.fetch_add(1, Ordering::Relaxed)) {
            pass.part(session, part).await?;
        }
        match comparison {
            Some(_) => pinned_path(session).await,
            None => Ok(()),
        }
    });
    futures_util::future::try_join_all(workers).await?;
    Ok(())
}

fn parts<'a>(
    (relations, comparison): (&'a [Relation], Option<&'a Comparison<'a>>),
    places: &mut Vec<Place>,
) -> Vec<Part<'a>> {
    let mut tables: BTreeMap<_, _> = comparison
        .iter()
        .flat_map(|comparison| &comparison.tables)
        .map(|table| (&table.plan.name, table))
        .collect();
    let mut parts = Vec::new();
    for relation in relations {
        let first = u32::try_from(places.len()).unwrap_or(u32::MAX);
        let compared = tables.remove(&relation.name);
        let joint = compared.is_some_and(|compared| has_room(compared, relation));
        let searched = Some((relation, first));
        for range in ranges(relation.blocks, relation.bytes, CHUNK_BYTES) {
            if compared.is_some() && !joint {
                parts.push(Part {
                    searched: None,
                    compared,
                    range,
                });
            }
            let compared = compared.filter(|_| joint);
            parts.push(Part {
                searched,
                compared,
                range,
            });
        }
        places.extend(relation.columns.iter().map(|column| column.place.clone()));
    }
    // What is left has no column that is searched.
    parts.extend(tables.into_values().map(|table| Part {
        searched: None,
        compared: Some(table),
        range: Range { from: 0, to: None },
    }));
    parts
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

/// Looks at the source again when something in the target looks like digests: which of them are of
/// values that can be guessed.
async fn digests(
    scan: &LeakScan<'_>,
    tokens: Tokens,
    scanned: &mut Scanned,
) -> Result<BTreeMap<(u32, Class), u64>> {
    let mut found = BTreeMap::new();
    if tokens.is_empty() {
        return Ok(found);
    }
    scanned.digests_one_of = tokens.one_of();
    let values = SourceValues::guessable(scan.source, scan.plan).await?;
    let make = move |class, value: &str, made: &mut Vec<_>| {
        tokens.look_up(class, value, &mut |token, place, count| {
            made.push((token, (place, class), count));
        });
    };
    let mut known = HashSet::new();
    let put = |made: Vec<(Token, (u32, Class), u64)>| {
        for (token, place, count) in made {
            if known.insert(token) {
                *found.entry(place).or_default() += count;
            }
        }
        true
    };
    values.values(scan.source, scan.cancel, make, put).await?;
    Ok(found)
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
