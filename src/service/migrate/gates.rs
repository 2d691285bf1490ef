//! Looks at the evidence and says whether a gate is open.

use chrono::Utc;
use serde::Serialize;

use super::readers::{self, Seen};
use crate::backfill::{JobId, Verification};
use crate::catalog::Effect;
use crate::clock::Clock;
use crate::config::{Config, Target};
use crate::control::ledger;
use crate::error::Result;
use crate::migration::{AppSession, Entry, GateSpec, Phase, Release};
use crate::postgres::{Session, introspect};
use crate::sql::{Ident, QualifiedName};

/// A gate with its verdict.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// Id of the change.
    pub change: String,
    /// The phase it guards.
    pub phase: Phase,
    /// Its name, a few words.
    pub name: &'static str,
    /// Whether the phase may run, as far as this gate is concerned.
    pub open: bool,
    /// What was found.
    pub evidence: String,
    /// What would open it; empty when it is open.
    pub remedy: String,
}

/// What the evaluation looks at.
#[derive(Debug, Clone, Copy)]
pub struct Evidence<'a> {
    /// A session on the database.
    pub session: &'a Session,
    /// The configuration.
    pub config: &'a Config,
    /// The database and its policy.
    pub target: &'a Target,
    /// Time.
    pub clock: &'a dyn Clock,
}

/// Evaluates every gate of an entry, now.
///
/// # Errors
/// Those of the database.
pub async fn evaluate(evidence: &Evidence<'_>, entry: &Entry) -> Result<Vec<Gate>> {
    let mut gates = Vec::new();
    for spec in &entry.gates {
        let (name, verdict) = evidence.judge(entry, spec).await?;
        gates.push(Gate {
            change: entry.change.clone(),
            phase: entry.phase,
            name,
            open: verdict.open,
            evidence: verdict.evidence,
            remedy: if verdict.open {
                String::new()
            } else {
                verdict.remedy
            },
        });
    }
    Ok(gates)
}

struct Verdict {
    open: bool,
    evidence: String,
    remedy: String,
}

fn verdict(open: bool, evidence: impl Into<String>, remedy: impl Into<String>) -> Verdict {
    Verdict {
        open,
        evidence: evidence.into(),
        remedy: remedy.into(),
    }
}

impl Evidence<'_> {
    async fn judge(&self, entry: &Entry, spec: &GateSpec) -> Result<(&'static str, Verdict)> {
        Ok(match spec {
            GateSpec::BackfillComplete { table, column } => (
                "backfill complete",
                self.backfill(entry, table, column).await?,
            ),
            GateSpec::NoNulls { table, column } => {
                ("no nulls", self.no_nulls(table, column).await?)
            }
            GateSpec::Enforced => ("enforced", self.enforced(entry).await?),
            GateSpec::Soak => ("soak", self.soak(entry).await?),
            GateSpec::AppVersions { needs_at_least } => {
                ("app versions", self.app_versions(needs_at_least).await?)
            }
            GateSpec::NoReader { table, column } => {
                ("no reader", self.no_reader(entry, table, column).await?)
            }
            GateSpec::Dependents {
                table,
                column,
                accepted,
            } => (
                "dependents",
                self.dependents(table, column, accepted).await?,
            ),
        })
    }

    async fn backfill(
        &self,
        entry: &Entry,
        table: &QualifiedName,
        column: &Ident,
    ) -> Result<Verdict> {
        let since = ledger::done_since(&**self.session, &entry.change, Phase::Backfill).await?;
        let remedy = "run `tidegate migrate apply` for the release of the backfill, and look at `tidegate backfill status`";
        if since.is_none() {
            return Ok(verdict(false, "the backfill phase is not done", remedy));
        }
        let jobs = crate::control::backfill::jobs(&**self.session).await?;
        let job = jobs.into_iter().rfind(|job| {
            job.spec.change == entry.change
                && job.spec.table == *table
                && job.spec.column == *column
                && job.state == crate::job::JobState::Done
        });
        let Some(job) = job else {
            return Ok(verdict(false, "the ledger holds no finished job", remedy));
        };
        let engine = crate::service::backfill::Engine::new(
            self.target.clone(),
            std::sync::Arc::new(crate::clock::SystemClock::default()),
            std::sync::Arc::new(crate::job::Silent),
            tokio_util::sync::CancellationToken::new(),
        );
        let now = engine.verify(job.id).await?;
        Ok(if now.passed() {
            verdict(
                true,
                format!("{} rows, verified now (sum {})", now.rows, now.checksum),
                "",
            )
        } else {
            unproven(job.id, &now)
        })
    }

    async fn no_nulls(&self, table: &QualifiedName, column: &Ident) -> Result<Verdict> {
        let there: bool = self
            .session
            .query_one(
                "select exists (select from pg_catalog.pg_attribute as a \
                 join pg_catalog.pg_class as c on c.oid = a.attrelid \
                 join pg_catalog.pg_namespace as n on n.oid = c.relnamespace \
                 where n.nspname = $1 and c.relname = $2 and a.attname = $3 and not a.attisdropped)",
                &[&table.schema.as_str(), &table.name.as_str(), &column.as_str()],
            )
            .await?
            .get(0);
        if !there {
            return Ok(verdict(
                false,
                "the column is not there yet",
                "apply the release of expand",
            ));
        }
        let sql = format!("select pg_catalog.count(*) from {table} where {column} is null");
        let nulls: i64 = self.session.query_one(&sql, &[]).await?.get(0);
        let name = format!("{}.{}", table.plain(), column.as_str());
        Ok(verdict(
            nulls == 0,
            format!("{nulls} rows have NULL in {name}"),
            format!(
                "give these rows a value: select * from {} where {} is null",
                table.plain(),
                column.as_str()
            ),
        ))
    }

    async fn enforced(&self, entry: &Entry) -> Result<Verdict> {
        let since = ledger::done_since(&**self.session, &entry.change, Phase::Enforce).await?;
        Ok(match since {
            Some(since) => verdict(
                true,
                format!("since {}", since.format("%Y-%m-%d %H:%M UTC")),
                "",
            ),
            None => verdict(
                false,
                "the enforce phase is not done",
                "apply the release of enforce first",
            ),
        })
    }

    async fn soak(&self, entry: &Entry) -> Result<Verdict> {
        let enforced = ledger::done_since(&**self.session, &entry.change, Phase::Enforce).await?;
        let since = match enforced {
            Some(since) => Some(since),
            None => ledger::done_since(&**self.session, &entry.change, Phase::Backfill).await?,
        };
        let wanted = self.target.policy.soak;
        let Some(since) = since else {
            return Ok(verdict(
                wanted.is_zero(),
                "the phase before is not done",
                "apply the release of the phase before",
            ));
        };
        let passed = self
            .clock
            .now()
            .with_timezone(&Utc)
            .signed_duration_since(since)
            .to_std()
            .unwrap_or_default();
        Ok(verdict(
            passed >= wanted,
            format!("{} of {}", hours(passed), hours(wanted)),
            format!("wait {} more", hours(wanted.saturating_sub(passed))),
        ))
    }

    async fn app_versions(&self, needs: &Release) -> Result<Verdict> {
        let rows = self
            .session
            .query(
                "select application_name, coalesce(client_addr::text, 'local'), pg_catalog.count(*) \
                 from pg_catalog.pg_stat_activity where datname = pg_catalog.current_database() \
                 and pid <> pg_catalog.pg_backend_pid() and application_name is not null \
                 and application_name not like 'tidegate/%' group by 1, 2 order by 1, 2",
                &[],
            )
            .await?;
        let mut old = Vec::new();
        let mut fine = 0;
        for row in &rows {
            let (name, address, count): (&str, &str, i64) = (row.get(0), row.get(1), row.get(2));
            match Release::of_session(name, &self.config.project) {
                AppSession::Release(release) if release >= *needs => fine += count,
                AppSession::Release(_) => old.push(format!("{count} of {name} from {address}")),
                AppSession::Unknown => old.push(format!(
                    "{count} of {name} (release unknown) from {address}"
                )),
                AppSession::Foreign => {}
            }
        }
        Ok(verdict(
            old.is_empty(),
            if old.is_empty() {
                format!(
                    "no session older than {}/{needs}; {fine} at it or newer",
                    self.config.project
                )
            } else {
                format!(
                    "older than {}/{needs}: {}",
                    self.config.project,
                    old.join(", ")
                )
            },
            format!("finish the rollout of {needs}, then run this command again"),
        ))
    }

    async fn no_reader(
        &self,
        entry: &Entry,
        table: &QualifiedName,
        column: &Ident,
    ) -> Result<Verdict> {
        let (statements, epoch) = match readers::mentioning(self.session, table, column).await? {
            Seen::Unknown(reason) => return Ok(verdict(true, format!("unknown: {reason}"), "")),
            Seen::Known(statements, epoch) => (statements, epoch),
        };
        let subject = readers::subject(table, column);
        let note = readers::noted(self.session, &entry.change, &subject).await?;
        let ran = readers::since(note.as_ref(), &statements, &epoch);
        let name = format!("{}.{}", table.plain(), column.as_str());
        let Some((statement, calls)) = ran.iter().max_by_key(|(_, calls)| *calls) else {
            let refused = note
                .filter(|note| note.holds(&epoch))
                .and_then(|note| note.refused);
            let quiet = refused.map(|refused| self.clock.now() - refused);
            if let Some(quiet) = quiet.filter(|quiet| *quiet < readers::QUIET) {
                let (is, must) = (quiet.num_seconds().max(0), readers::QUIET.num_seconds());
                return Ok(verdict(
                    false,
                    format!("{name} is out of use since {is} s, when contract was refused"),
                    format!("run this command again when it was so for {must} s"),
                ));
            }
            return Ok(verdict(
                true,
                format!(
                    "pg_stat_statements has seen no use of {name} since the phase before, or since contract was refused"
                ),
                "",
            ));
        };
        let excerpt: String = statement.text.chars().take(120).collect();
        Ok(verdict(
            false,
            format!(
                "{} statements with {name} ran since the phase before (or the last refusal), the most frequent {calls} times: {excerpt}",
                ran.len()
            ),
            format!(
                "when no application runs them any more, `migrate apply` once more notes the counters and opens a minute later; \
                 or `select pg_stat_statements_reset({})` for each",
                statement.key
            ),
        ))
    }

    async fn dependents(
        &self,
        table: &QualifiedName,
        column: &Ident,
        accepted: &[String],
    ) -> Result<Verdict> {
        let catalog = introspect(self.session).await?;
        let mut lost = Vec::new();
        for dependent in catalog.column_dependents(table, column) {
            let ours = dependent.name.starts_with("zzz_tidegate_");
            let harmless = matches!(
                dependent.kind,
                crate::catalog::DependentKind::Default
                    | crate::catalog::DependentKind::Grant
                    | crate::catalog::DependentKind::InheritedColumn
            ) && dependent.effect == Effect::DroppedSilently
                || format!("{:?}", dependent.kind).contains("NotNull");
            if !ours && !harmless && !accepted.contains(&dependent.name) {
                let fate = if dependent.effect == Effect::Blocks {
                    "blocks the drop"
                } else {
                    "would be lost"
                };
                lost.push(format!("{} {fate}", dependent.object));
            }
        }
        Ok(verdict(
            lost.is_empty(),
            if lost.is_empty() {
                "nothing else hangs on the column".to_owned()
            } else {
                lost.join("; ")
            },
            "change or drop these objects first; list in `drop_with` what may go",
        ))
    }
}

/// The verdict on a backfill whose rows no longer hold what they should.
fn unproven(job: JobId, now: &Verification) -> Verdict {
    let mut evidence = format!(
        "verified now: {} of {} rows lack their value, {} disagree with the old column",
        now.missing, now.rows, now.different
    );
    let mut remedy = format!("tidegate backfill run {job}");
    if now.different > 0 {
        evidence.push_str(&format!(", such as {}", now.different_sample.join(", ")));
        remedy.push_str(
            " --take old, or --take new: it says which column is right; without it no value is overwritten",
        );
    }
    verdict(false, evidence, remedy)
}

/// `2 d 3 h`, `40 min`.
fn hours(time: std::time::Duration) -> String {
    if time.as_secs() < 60 {
        return format!("{} s", time.as_secs());
    }
    let minutes = time.as_secs().div_ceil(60);
    match (minutes / 1440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}
