//! What a team does beside its releases: a masked copy for staging, made-up rows for dev, a drill.

use std::collections::HashSet;

use serde_json::Value;

use super::outcome::{CopyFigures, DrillFigures, SeedFigures};
use super::story::Story;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;

/// Size of the database that the drill loses.
const DRILL_SIZE: &str = "64MB";

/// Commands that tell of a failed gate or verdict in their document end with this.
const FAILED: i32 = 3;

/// Databases beside the shop's, as connection strings.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) staging: String,
    /// Two for dev, to see that the same seed gives the same rows.
    pub(super) dev: [String; 2],
}

impl Story {
    /// The shop's data reach staging, masked and proven.
    pub(super) async fn copy(&mut self, source: &Session, places: &Places) -> Result<()> {
        let started = self.begin("a masked copy for staging");
        let words = [
            "copy",
            "run",
            "--from",
            "ad-hoc",
            "--to",
            "staging",
            "--promote",
        ];
        let told = self.tidegate.told(&words, FAILED).await?;
        self.end("copy", started);
        let staging = Session::connect(&self.target_at(&places.staging).await?, "demo").await?;
        let real: HashSet<String> = emails(source).await?.into_iter().collect();
        let copied = emails(&staging).await?;
        let found = copied.iter().filter(|email| real.contains(*email)).count();
        self.demo.check(
            "the copy passed its gate and was promoted",
            told["gate"]["passed"] == true && told["promoted"] == true,
            format!(
                "{} rows, {} columns masked",
                told["rows"], told["masked_columns"]
            ),
        );
        self.demo.check(
            "no e-mail address of production is in staging",
            found == 0 && copied.len() == real.len(),
            format!(
                "{} users, {} of them in the copy, {found} addresses found again",
                real.len(),
                copied.len()
            ),
        );
        self.demo.copy = CopyFigures {
            rows: number(&told["rows"]),
            masked_columns: number(&told["masked_columns"]),
            seconds: told["seconds"].as_f64().unwrap_or_default(),
            gate: serde_json::from_value(told["gate"]["checks"].clone()).map_err(odd)?,
            sought: real.len() as u64,
            found: found as u64,
        };
        Ok(())
    }

    /// Dev gets rows that nobody's life is in, and a second database the very same.
    pub(super) async fn seed(&mut self, places: &Places) -> Result<()> {
        let started = self.begin("made-up rows for dev, twice");
        let mut runs = Vec::new();
        for url in &places.dev {
            let dev = self.tidegate.on(url);
            for release in ["2.0.0", "2.1.0", "2.2.0", "2.3.0"] {
                dev.must(&["migrate", "apply", "--release", release])
                    .await?;
            }
            runs.push(dev.must(&["seed", "run"]).await?);
        }
        self.end("seed", started);
        let [first, second] = runs.as_slice() else {
            return Ok(());
        };
        let rows = number(&first["rows"]);
        self.demo.check(
            "the same seed gives the same rows in another database",
            rows > 0 && first["tables"] == second["tables"],
            format!("{rows} rows, their digests compared table by table"),
        );
        self.demo.seed = SeedFigures {
            rows,
            seconds: first["seconds"].as_f64().unwrap_or_default(),
            seed: number(&first["seed"]),
        };
        Ok(())
    }

    /// A primary with load is killed and lost, and comes back from its repository. Its commits wait
    /// for the receiver of its WAL, so that no acknowledged one may be lost.
    pub(super) async fn drill(&mut self) -> Result<()> {
        let started = self.begin("a drill: a primary is killed and lost");
        let words = [
            "drill",
            "run",
            "--sandbox",
            "--size",
            DRILL_SIZE,
            "--wal",
            "sync",
            "--controls",
            "2",
            "--rto",
            "1h",
            "--rpo",
            "5m",
        ];
        let told = self.tidegate.told(&words, FAILED).await?;
        self.end("drill", started);
        let (lost, equal) = (number(&told["acknowledged_lost"]), &told["oracle_equal"]);
        self.demo.check(
            "the lost primary came back from its backup",
            told["verdict"] == "passed" && *equal == true && lost == 0,
            format!(
                "verdict {}, equal to what it held: {equal}, {lost} acknowledged writes lost",
                told["verdict"]
            ),
        );
        let controls = told["negative_controls"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let red = |control: &&Value| control["red"] == true;
        let names = controls
            .iter()
            .filter(red)
            .filter_map(|control| control["name"].as_str());
        let names: Vec<String> = names.map(|name| name.replace('_', " ")).collect();
        self.demo.check(
            "the drill finds the faults that are planted",
            !controls.is_empty() && names.len() == controls.len(),
            names.join(", "),
        );
        self.demo.drill = DrillFigures {
            rto_seconds: told["rto_seconds"].as_f64().unwrap_or_default(),
            rpo_seconds: told["rpo_seconds"].as_f64().unwrap_or_default(),
            acknowledged: number(&told["probe"]["acknowledged"]),
            acknowledged_lost: lost,
            tables: number(&told["oracle"]["tables"]),
            controls: names,
        };
        Ok(())
    }
}

async fn emails(session: &Session) -> Result<Vec<String>> {
    let rows = session.query("select email from public.users", &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_default()
}

fn odd(error: serde_json::Error) -> Error {
    Error::new(
        Kind::Internal,
        format!("the copy's document is not as expected: {error}"),
    )
}
