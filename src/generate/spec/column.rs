//! The rule of one column, as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::document;
use super::model::ColumnRule;
use super::related::{TreeWritten, given, weights};
use super::season::SeasonWritten;
use crate::generate::distribution::Distribution;
use crate::generate::source::{bits, block};
use crate::sql::check_expression;

/// Microseconds of a second.
const SECOND: i64 = 1_000_000;

/// `columns.x = { ... }`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Written {
    /// One of these: a list, or a table of weights.
    #[schemars(with = "Option<serde_json::Value>")]
    choice: Option<toml::Value>,
    /// Between two values, both included.
    #[schemars(with = "Option<[serde_json::Value; 2]>")]
    between: Option<Vec<toml::Value>>,
    /// How often the times of `between` come by hour, weekday, month, and as time goes on.
    season: Option<SeasonWritten>,
    /// Numbers, days since 2000-01-01, or for a foreign key which of the parent's rows.
    distribution: Option<Distribution>,
    /// Digits behind the point of `distribution`.
    decimals: Option<u16>,
    /// For a reference of a table to itself: rows as trees.
    tree: Option<TreeWritten>,
    /// One of some values by that of this column; `cases` says which, `choice` the rest.
    given: Option<String>,
    /// By the value of the column `given`: a list, or a table of weights.
    #[schemars(with = "Option<std::collections::BTreeMap<String, serde_json::Value>>")]
    cases: Option<toml::Table>,
    /// Always this.
    #[schemars(with = "Option<serde_json::Value>")]
    constant: Option<toml::Value>,
    /// Always null.
    null: Option<bool>,
    /// A time after `column`, or after `table.column` of the row that is referred to.
    after: Option<String>,
    /// Greatest distance of `after`, such as `365d`.
    within: Option<String>,
    /// Least distance of `after`.
    at_least: Option<String>,
    /// Text with columns in braces: `{first_name}@example.com`; `{number}` makes texts differ.
    template: Option<String>,
    /// Texts that match this regular expression.
    pattern: Option<String>,
    /// Counted, from this number.
    serial: Option<i64>,
    /// From row to row of `serial`; not 0.
    step: Option<i64>,
    /// What a column of that name would hold.
    like: Option<String>,
    /// Addresses of a network such as `10.0.0.0/8`; networks inside of it for `cidr`.
    network: Option<String>,
    /// Bits of each network of `network`.
    prefix: Option<u8>,
    /// Documents of this one's shape: a table, or a string that holds JSON.
    #[schemars(with = "Option<serde_json::Value>")]
    sample: Option<toml::Value>,
    /// Documents of this JSON Schema: a table, or a string that holds JSON.
    #[schemars(with = "Option<serde_json::Value>")]
    schema: Option<toml::Value>,
    /// An immutable expression over the row's other columns, which the server computes.
    sql: Option<String>,
    /// Rank correlation, -1 to 1, with other columns of the row that `distribution` or `between` make.
    #[serde(default)]
    pub(super) correlates: BTreeMap<String, f64>,
    /// Share of nulls, 0 to 1.
    pub(super) nulls: Option<f64>,
    /// Language and country, when they are not those of the table.
    pub(super) locale: Option<String>,
}

impl Written {
    /// The rule, when there is one; `Err` says what is wrong in words.
    pub(super) fn rule(&self) -> Result<Option<ColumnRule>, String> {
        let null = self.null.filter(|null| *null).map(|_| Ok(ColumnRule::Null));
        let rules = [
            self.choices(),
            self.between.as_deref().map(|values| self.between(values)),
            self.tree
                .as_ref()
                .map(|tree| tree.read().map(ColumnRule::Tree)),
            self.distribution
                .as_ref()
                .map(|spread| self.distribution(spread)),
            self.constant
                .as_ref()
                .map(|value| text(value).map(ColumnRule::Constant)),
            null,
            self.after.as_ref().map(|of| self.after(of)),
            self.template
                .as_ref()
                .map(|text| Ok(ColumnRule::Template(text.clone()))),
            self.pattern
                .as_ref()
                .map(|text| Ok(ColumnRule::Pattern(text.clone()))),
            self.serial.map(|start| self.serial(start)),
            self.like
                .as_ref()
                .map(|text| Ok(ColumnRule::Like(text.clone()))),
            self.network.as_deref().map(|range| self.network(range)),
            self.sample
                .as_ref()
                .map(|value| document::read(value, "sample").map(ColumnRule::Sample)),
            self.schema
                .as_ref()
                .map(|value| document::read(value, "schema").map(ColumnRule::Schema)),
            self.sql.as_deref().map(sql),
        ];
        let mut rules = rules.into_iter().flatten();
        let rule = rules.next().transpose()?;
        if rules.next().is_some() {
            return Err("a column has one generator, not several".to_owned());
        }
        self.belongings()?;
        Ok(rule)
    }

    /// What says more of a rule stands beside it.
    fn belongings(&self) -> Result<(), String> {
        if self.after.is_none() && (self.within.is_some() || self.at_least.is_some()) {
            return Err("within and at_least belong to after".to_owned());
        }
        if self.season.is_some() && self.between.is_none() {
            return Err("season belongs to between: say from when to when".to_owned());
        }
        if self.cases.is_some() && self.given.is_none() {
            return Err("cases belongs to given: say by which column".to_owned());
        }
        if self.decimals.is_some() && self.distribution.is_none() {
            return Err("decimals belongs to distribution".to_owned());
        }
        if self.step.is_some() && self.serial.is_none() {
            return Err("step belongs to serial".to_owned());
        }
        if self.prefix.is_some() && self.network.is_none() {
            return Err("prefix belongs to network".to_owned());
        }
        if self.nulls.is_some() && self.sql.is_some() {
            return Err(
                "nulls does not go with sql: the expression says when it is null".to_owned(),
            );
        }
        if self
            .nulls
            .is_some_and(|share| !(0.0..=1.0).contains(&share))
        {
            return Err("nulls is a share from 0 to 1".to_owned());
        }
        Ok(())
    }

    fn between(&self, values: &[toml::Value]) -> Result<ColumnRule, String> {
        match (values, &self.season) {
            ([low, high], None) => Ok(ColumnRule::Between(text(low)?, text(high)?)),
            ([low, high], Some(season)) => {
                let season = season.read().map_err(|why| format!("season: {why}"))?;
                Ok(ColumnRule::Season(text(low)?, text(high)?, season))
            }
            _ => Err("between is a list of two values".to_owned()),
        }
    }

    /// `choice`, by another column or not.
    fn choices(&self) -> Option<Result<ColumnRule, String>> {
        let otherwise = || self.choice.as_ref().map(|values| weights(values, "choice"));
        let Some(column) = &self.given else {
            return otherwise().map(|values| values.map(ColumnRule::Choice));
        };
        let cases = self.cases.as_ref();
        Some(given(column, cases, otherwise().transpose()))
    }

    fn network(&self, range: &str) -> Result<ColumnRule, String> {
        let Some((first, _, bits)) = block(range) else {
            return Err(format!("\"{range}\" is no network such as 10.0.0.0/8"));
        };
        let most = self::bits(first);
        if self
            .prefix
            .is_some_and(|prefix| prefix < bits || prefix > most)
        {
            return Err(format!("prefix is from {bits} to {most}"));
        }
        Ok(ColumnRule::Network {
            range: range.to_owned(),
            prefix: self.prefix,
        })
    }

    fn distribution(&self, spread: &Distribution) -> Result<ColumnRule, String> {
        match spread.problem() {
            Some(problem) => Err(problem),
            None => Ok(ColumnRule::Distribution(spread.clone(), self.decimals)),
        }
    }

    fn after(&self, of: &str) -> Result<ColumnRule, String> {
        let most = self.within.as_deref().unwrap_or("30d");
        let least = self.at_least.as_deref().unwrap_or("0s");
        let (least, most) = (duration(least)?, duration(most)?);
        if least > most {
            return Err("at_least is more than within".to_owned());
        }
        Ok(ColumnRule::After {
            of: of.to_owned(),
            least,
            most,
        })
    }

    fn serial(&self, start: i64) -> Result<ColumnRule, String> {
        match self.step.unwrap_or(1) {
            0 => Err("step is not 0".to_owned()),
            step => Ok(ColumnRule::Serial { start, step }),
        }
    }
}

/// An expression of the server's.
fn sql(text: &str) -> Result<ColumnRule, String> {
    check_expression(text).map_err(|problem| format!("sql: {}", problem.message))?;
    Ok(ColumnRule::Sql(text.trim().to_owned()))
}

/// A value as PostgreSQL would read it.
pub(super) fn text(value: &toml::Value) -> Result<String, String> {
    Ok(match value {
        toml::Value::String(text) => text.clone(),
        toml::Value::Integer(number) => number.to_string(),
        toml::Value::Float(number) => number.to_string(),
        toml::Value::Boolean(truth) => truth.to_string(),
        toml::Value::Datetime(time) => time.to_string(),
        toml::Value::Array(_) | toml::Value::Table(_) => {
            return Err("a value is a string, number, truth value or time".to_owned());
        }
    })
}

/// Microseconds of `500ms`, `30s`, `15m`, `24h`, `7d`.
fn duration(text: &str) -> Result<i64, String> {
    let wrong = || format!("\"{text}\" is not a duration such as 365d");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: i64 = digits.parse().map_err(|_| wrong())?;
    let unit = match &text[digits.len()..] {
        "ms" => SECOND / 1000,
        "s" => SECOND,
        "m" => 60 * SECOND,
        "h" => 3600 * SECOND,
        "d" => 86_400 * SECOND,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit).ok_or_else(wrong)
}
