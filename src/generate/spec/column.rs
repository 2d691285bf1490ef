//! The rule of one column, as it is written.

use schemars::JsonSchema;
use serde::Deserialize;

use super::document;
use super::model::ColumnRule;
use crate::generate::distribution::Distribution;
use crate::generate::source::{Weighted, bits, block};
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
    /// Numbers, days since 2000-01-01, or for a foreign key which of the parent's rows.
    distribution: Option<Distribution>,
    /// Digits behind the point of `distribution`.
    decimals: Option<u16>,
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
            self.choice.as_ref().map(choice),
            self.between.as_deref().map(between),
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

/// `["a", "b"]`, each as likely as the others, or `{ a = 0.7, b = 0.3 }`.
fn choice(value: &toml::Value) -> Result<ColumnRule, String> {
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
        _ => return Err("choice is a list, or a table of weights".to_owned()),
    };
    if values.iter().map(|value| value.weight).sum::<f64>() <= 0.0 {
        return Err("choice has nothing to choose from".to_owned());
    }
    Ok(ColumnRule::Choice(values))
}

fn between(values: &[toml::Value]) -> Result<ColumnRule, String> {
    match values {
        [low, high] => Ok(ColumnRule::Between(text(low)?, text(high)?)),
        _ => Err("between is a list of two values".to_owned()),
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
