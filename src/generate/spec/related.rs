//! Values that hang on others: choices by another column's value, and trees.

use schemars::JsonSchema;
use serde::Deserialize;

use super::column::text;
use super::model::{ColumnRule, TreeRule};
use super::reader::Count;
use crate::generate::distribution::Distribution;
use crate::generate::source::Weighted;

/// Children of each row where nobody says how many.
const CHILDREN: f64 = 3.0;

/// Rows that refer to rows of the same table, level by level.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TreeWritten {
    /// Rows that begin a tree together; 1 when nothing is said.
    roots: Option<u64>,
    /// Children of each row; a Poisson distribution around 3 when nothing is said.
    children: Option<Count>,
    /// Levels below the roots at most; when all are full, the next tree begins.
    depth: Option<u32>,
}

impl TreeWritten {
    pub(super) fn read(&self) -> Result<TreeRule, String> {
        let usual = Distribution::Poisson { mean: CHILDREN };
        let children = self.children.as_ref().map_or(Ok(usual), Count::spread);
        if self.roots == Some(0) {
            return Err("tree: roots is 1 or more".to_owned());
        }
        Ok(TreeRule {
            roots: self.roots.unwrap_or(1),
            children: children.map_err(|why| format!("tree: {why}"))?,
            depth: self.depth,
        })
    }
}

/// `["a", "b"]`, each as likely as the others, or `{ a = 0.7, b = 0.3 }`.
pub(super) fn weights(value: &toml::Value, what: &str) -> Result<Vec<Weighted>, String> {
    let values: Vec<Weighted> = match value {
        toml::Value::Array(values) => values
            .iter()
            .map(|value| {
                Ok(Weighted {
                    value: text(value)?,
                    weight: 1.0,
                })
            })
            .collect::<Result<_, String>>()?,
        toml::Value::Table(values) => values
            .iter()
            .map(|(value, weight)| {
                let number = weight.as_float().or(weight.as_integer().map(|w| w as f64));
                let weight = number.filter(|weight| *weight >= 0.0);
                let weight =
                    weight.ok_or_else(|| format!("the weight of \"{value}\" is no number"))?;
                Ok(Weighted {
                    value: value.clone(),
                    weight,
                })
            })
            .collect::<Result<_, String>>()?,
        _ => return Err(format!("{what} is a list, or a table of weights")),
    };
    if values.iter().map(|value| value.weight).sum::<f64>() <= 0.0 {
        return Err(format!("{what} has nothing to choose from"));
    }
    Ok(values)
}

/// The rule of `given`, `cases` and `choice`.
pub(super) fn given(
    column: &str,
    cases: Option<&toml::Table>,
    otherwise: Result<Option<Vec<Weighted>>, String>,
) -> Result<ColumnRule, String> {
    let cases = cases.filter(|cases| !cases.is_empty());
    let cases = cases.ok_or("given needs cases: what to choose for each of its values")?;
    let cases = cases.iter().map(|(value, values)| {
        let values = weights(values, &format!("the case \"{value}\""))?;
        Ok((value.clone(), values))
    });
    Ok(ColumnRule::Given {
        column: column.to_owned(),
        cases: cases.collect::<Result<_, String>>()?,
        otherwise: otherwise?.unwrap_or_default(),
    })
}
