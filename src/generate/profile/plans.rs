//! What the planner makes of the same queries on two databases.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A query and its plan.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlanProfile {
    /// What is asked.
    pub query: Query,
    /// The types of the plan's nodes, each before those below it.
    pub nodes: Vec<String>,
    /// Rows that the planner expects, rounded to two digits.
    pub rows: u64,
}

/// A query without a value of a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Query {
    /// All rows with the rows that they refer to.
    Join {
        /// The table's plain name.
        table: String,
        /// The foreign key.
        key: String,
    },
    /// The rows of a part of an indexed column's histogram.
    Range {
        /// The table's plain name.
        table: String,
        /// The column.
        column: String,
        /// From this, as its type's text: a bound of the histogram.
        from: String,
        /// Up to this, not included.
        to: String,
    },
}

/// A query's plans in two databases.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlanCloseness {
    /// The query, in words.
    pub query: String,
    /// Whether the types of all nodes are the same.
    pub same: bool,
    /// Node types of the profile's plan.
    pub wanted: Vec<String>,
    /// Node types of this database's plan; empty when it has no such table, key or column.
    pub found: Vec<String>,
    /// Expected rows, this database's by the profile's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rows_ratio: Option<f64>,
}

impl Query {
    /// The query in words.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Join { table, key } => format!("{table} with what \"{key}\" refers to"),
            Self::Range {
                table,
                column,
                from,
                to,
            } => format!("{table}.{column} from {from} to {to}"),
        }
    }
}

impl PlanProfile {
    /// The plan in a document of `EXPLAIN (FORMAT JSON)`; `None` when it is none.
    #[must_use]
    pub fn read(query: Query, explained: &Value) -> Option<Self> {
        let plan = explained.get(0)?.get("Plan")?;
        let mut nodes = Vec::new();
        walk(plan, &mut nodes);
        let rows = plan.get("Plan Rows")?.as_f64()?;
        Some(Self {
            query,
            nodes,
            rows: rounded(rows),
        })
    }

    /// Compares the plan with that of the same query in another database.
    #[must_use]
    pub fn compare(&self, found: Option<&Self>) -> PlanCloseness {
        let nodes = found.map_or(&[][..], |found| &found.nodes);
        let ratio = |found: &Self| {
            let ratio = found.rows.max(1) as f64 / self.rows.max(1) as f64;
            (ratio * 100.0).round() / 100.0
        };
        PlanCloseness {
            query: self.query.words(),
            same: found.is_some() && nodes == self.nodes,
            wanted: self.nodes.clone(),
            found: nodes.to_vec(),
            rows_ratio: found.map(ratio),
        }
    }
}

fn walk(plan: &Value, nodes: &mut Vec<String>) {
    let name = plan.get("Node Type").and_then(Value::as_str);
    nodes.push(name.unwrap_or_default().to_owned());
    let below = plan.get("Plans").and_then(Value::as_array);
    for plan in below.into_iter().flatten() {
        walk(plan, nodes);
    }
}

/// To two digits.
fn rounded(rows: f64) -> u64 {
    let unit = 10_f64.powf((rows.max(1.0).log10().floor() - 1.0).max(0.0));
    ((rows / unit).round() * unit) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn plans_are_read_and_compared() {
        let query = Query::Join {
            table: "orders".to_owned(),
            key: "orders_user_id_fkey".to_owned(),
        };
        let explained = |join: &str, rows: u64| {
            json!([{ "Plan": { "Node Type": join, "Plan Rows": rows, "Plans": [
                { "Node Type": "Seq Scan", "Plan Rows": 9 },
                { "Node Type": "Hash", "Plan Rows": 9, "Plans": [{ "Node Type": "Seq Scan" }] } ] } }])
        };
        let read = |join, rows| PlanProfile::read(query.clone(), &explained(join, rows)).unwrap();
        let one = read("Hash Join", 12_345);
        assert_eq!(one.nodes, ["Hash Join", "Seq Scan", "Hash", "Seq Scan"]);
        assert_eq!(one.rows, 12_000);
        let same = one.compare(Some(&read("Hash Join", 24_000)));
        assert!(same.same && same.rows_ratio == Some(2.0), "{same:?}");
        assert!(!one.compare(Some(&read("Merge Join", 12_345))).same);
        let none = one.compare(None);
        assert!(!none.same && none.found.is_empty() && none.rows_ratio.is_none());
        assert_eq!(PlanProfile::read(query, &json!({})), None);
    }
}
