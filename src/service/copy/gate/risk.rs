//! Measures the risk of re-identification in the copy.

use std::collections::HashMap;

use futures_util::TryStreamExt as _;
use tokio_postgres::Row;

use crate::error::Result;
use crate::masking::risk::{ClassCounts, LinkageCounts, Risk, RiskRule};
use crate::postgres::Session;
use crate::service::copy::Check;

/// Subjects of the source that the linkage attack tries at most; they are held in memory.
const SAMPLE: i64 = 100_000;

/// Measures one table of the target; the source gives the subjects of the linkage attack.
///
/// # Errors
/// A column is missing; reading fails.
pub async fn risk(source: &Session, target: &Session, rule: &RiskRule) -> Result<Risk> {
    let counts = classes(target, rule).await?;
    let linkage = match &rule.subject {
        Some(_) => Some(linkage(source, target, rule).await?),
        None => None,
    };
    Ok(Risk::of(&counts, linkage.as_ref()))
}

/// The check that goes into the report.
pub(super) async fn check(source: &Session, target: &Session, rule: &RiskRule) -> Result<Check> {
    let risk = risk(source, target, rule).await?;
    let broken = risk.broken(&rule.limits);
    let names: Vec<&str> = rule.columns.iter().map(|name| name.as_str()).collect();
    let mut detail = format!(
        "{}: k = {} on ({})",
        rule.table.plain(),
        if risk.k == u64::MAX {
            "any".to_owned()
        } else {
            risk.k.to_string()
        },
        names.join(", ")
    );
    if let Some(l) = risk.l {
        detail.push_str(&format!(", l = {l}"));
    }
    detail.push_str(&format!(
        ", {:.2} % unique, prosecutor risk {:.1} %",
        risk.unique * 100.0,
        risk.prosecutor_average * 100.0
    ));
    if let Some(linked) = risk.linked {
        detail.push_str(&format!(", linkage attack {:.2} %", linked * 100.0));
    }
    if !broken.is_empty() {
        detail.push_str(&format!("; beyond its limits: {}", broken.join(", ")));
    }
    Ok(Check {
        name: "risk".to_owned(),
        passed: broken.is_empty(),
        detail,
    })
}

fn count(row: &Row, i: usize) -> u64 {
    row.get::<_, Option<i64>>(i)
        .and_then(|value| u64::try_from(value).ok())
        .unwrap_or(0)
}

/// The quasi-identifiers of a row as one text: types without an order or equality take part, too.
fn quasi(rule: &RiskRule) -> String {
    let texts: Vec<String> = rule
        .columns
        .iter()
        .map(|column| format!("{column}::text"))
        .collect();
    format!("row({})::text", texts.join(", "))
}

async fn classes(target: &Session, rule: &RiskRule) -> Result<ClassCounts> {
    let sensitive = rule.sensitive.as_ref().map_or_else(
        || "null::int8".to_owned(),
        |column| format!("count(distinct {column}::text)"),
    );
    let sql = format!(
        "select sum(n)::int8, count(*)::int8, min(n)::int8, (count(*) filter (where n = 1))::int8, min(l)::int8 \
         from (select count(*) as n, {sensitive} as l from {} group by {}) as classes",
        rule.table,
        quasi(rule)
    );
    let row = target.query_one(&sql, &[]).await?;
    Ok(ClassCounts {
        rows: count(&row, 0),
        classes: count(&row, 1),
        smallest: count(&row, 2),
        singletons: count(&row, 3),
        fewest_sensitive: rule.sensitive.as_ref().map(|_| count(&row, 4)),
    })
}

/// The attack: a sample of the source's subjects is held, the unique rows of the copy stream by.
async fn linkage(source: &Session, target: &Session, rule: &RiskRule) -> Result<LinkageCounts> {
    let Some(subject) = &rule.subject else {
        return Ok(LinkageCounts::default());
    };
    let known = format!(
        "select {}, {subject}::text from {} order by hashtextextended({subject}::text, 0) limit {SAMPLE}",
        quasi(rule),
        rule.table
    );
    let mut subjects: HashMap<String, Vec<String>> = HashMap::new();
    let mut counts = LinkageCounts::default();
    let rows = source.query_raw(&known, std::iter::empty::<&str>()).await?;
    let mut rows = std::pin::pin!(rows);
    while let Some(row) = rows.try_next().await? {
        if let (Some(quasi), Some(subject)) = (row.get(0), row.get::<_, Option<String>>(1)) {
            subjects.entry(quasi).or_default().push(subject);
            counts.tried += 1;
        }
    }
    let unique = format!(
        "select {0}, min({subject}::text) from {1} group by {0} having count(*) = 1",
        quasi(rule),
        rule.table
    );
    let rows = target
        .query_raw(&unique, std::iter::empty::<&str>())
        .await?;
    let mut rows = std::pin::pin!(rows);
    while let Some(row) = rows.try_next().await? {
        let quasi: &str = row.get(0);
        let Some(tried) = subjects.get(quasi) else {
            continue;
        };
        counts.matched += tried.len() as u64;
        let own: Option<&str> = row.get(1);
        counts.found += tried.iter().filter(|one| Some(one.as_str()) == own).count() as u64;
    }
    Ok(counts)
}
