//! `season = { hours, weekdays, months, growth }`: weights by name.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::generate::source::Season;
use crate::sql::nearest;

const WEEKDAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
const MONTHS: [&str; 12] = [
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
];
const HOURS: [&str; 24] = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16",
    "17", "18", "19", "20", "21", "22", "23",
];
/// The weight of what is not named.
const OTHERWISE: &str = "otherwise";

/// How often times come.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SeasonWritten {
    /// Weights of hours, UTC: `{ 9-16 = 5, 17-22 = 2, otherwise = 0.1 }`, or a list of 24. What is not
    /// named has 1.
    #[schemars(with = "Option<serde_json::Value>")]
    hours: Option<toml::Value>,
    /// Weights of days: `{ sat = 0.5, sun = 0.2 }`, or a list of 7 from Monday.
    #[schemars(with = "Option<serde_json::Value>")]
    weekdays: Option<toml::Value>,
    /// Weights of months: `{ nov-dec = 3 }`, or a list of 12 from January.
    #[schemars(with = "Option<serde_json::Value>")]
    months: Option<toml::Value>,
    /// How many times as often the last day comes as the first.
    growth: Option<f64>,
}

impl SeasonWritten {
    pub(super) fn read(&self) -> Result<Season, String> {
        let weights = |what: &str, written: &Option<toml::Value>, names: &[&str]| match written {
            Some(written) => weights(written, names).map_err(|why| format!("{what}: {why}")),
            None => Ok(Vec::new()),
        };
        let growth = self.growth.unwrap_or(1.0);
        if !(growth.is_finite() && growth > 0.0) {
            return Err("growth is more than 0".to_owned());
        }
        Ok(Season {
            hours: weights("hours", &self.hours, &HOURS)?,
            weekdays: weights("weekdays", &self.weekdays, &WEEKDAYS)?,
            months: weights("months", &self.months, &MONTHS)?,
            growth,
        })
    }
}

/// The weight of each of `names`.
fn weights(written: &toml::Value, names: &[&str]) -> Result<Vec<f64>, String> {
    let found = match written {
        toml::Value::Array(list) if list.len() == names.len() => {
            list.iter().map(weight).collect::<Result<Vec<_>, _>>()?
        }
        toml::Value::Table(named) => {
            let rest = named.get(OTHERWISE).map_or(Ok(1.0), weight)?;
            let mut found = vec![rest; names.len()];
            for (name, value) in named.iter().filter(|(name, _)| *name != OTHERWISE) {
                let weight = weight(value)?;
                for at in range(name, names)? {
                    found[at] = weight;
                }
            }
            found
        }
        _ => {
            return Err(format!(
                "weights by name, such as {{ {} = 2 }}, or a list of {}",
                names[0],
                names.len()
            ));
        }
    };
    if found.iter().sum::<f64>() <= 0.0 {
        return Err("one weight is more than 0".to_owned());
    }
    Ok(found)
}

fn weight(value: &toml::Value) -> Result<f64, String> {
    let number = value.as_float().or(value.as_integer().map(|w| w as f64));
    number
        .filter(|weight| weight.is_finite() && *weight >= 0.0)
        .ok_or_else(|| format!("the weight {value} is no number of 0 or more"))
}

/// The places of `mon`, or of `mon-fri`; a range that ends before it begins goes around.
fn range(text: &str, names: &[&str]) -> Result<Vec<usize>, String> {
    let place = |name: &str| {
        let name = name.trim();
        let found = names.iter().position(|known| *known == name);
        found.ok_or_else(|| match nearest(name, names) {
            Some(near) => format!("\"{name}\" is not known; did you mean \"{near}\"?"),
            None => format!(
                "\"{name}\" is not one of {} to {}",
                names[0],
                names[names.len() - 1]
            ),
        })
    };
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (place(from)?, place(to)?);
    let count = (to + names.len() - from) % names.len() + 1;
    Ok((from..from + count).map(|at| at % names.len()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Season, String> {
        let written: SeasonWritten = toml::from_str(text).map_err(|error| error.to_string())?;
        written.read()
    }

    #[test]
    fn weights_are_named_or_listed() {
        let season = read("hours = { 22-1 = 3, otherwise = 0 }\nweekdays = { sat = 0.5, sun = 0 }\nmonths = [1,1,1,1,1,1,1,1,1,1,2,4]\ngrowth = 2").unwrap();
        let late: Vec<usize> = (0..24).filter(|hour| season.hours[*hour] > 0.0).collect();
        assert_eq!(late, [0, 1, 22, 23]);
        assert_eq!(season.weekdays, [1.0, 1.0, 1.0, 1.0, 1.0, 0.5, 0.0]);
        assert_eq!(season.months[11], 4.0);
        for (text, says) in [
            ("weekdays = { sunday = 1 }", "\"sunday\""),
            ("weekdays = [1, 2]", "a list of 7"),
            ("hours = { 24 = 1 }", "\"24\""),
            ("months = { jan-dec = 0 }", "more than 0"),
            ("months = { jan = -1 }", "0 or more"),
            ("growth = 0.0", "growth"),
            ("minutes = {}", "unknown field"),
        ] {
            let why = read(text).unwrap_err();
            assert!(why.contains(says), "{text}: {why}");
        }
    }
}
