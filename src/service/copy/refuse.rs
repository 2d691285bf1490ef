//! Copies that are never made, whatever the flags say.

use crate::config::{Environment, Tier};
use crate::error::{Error, Kind, Result};

/// What decides about an environment's part in a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    /// Its name.
    pub name: String,
    /// Its tier.
    pub tier: Tier,
    /// Where its data lives.
    pub region: Option<String>,
}

impl From<&Environment> for Side {
    fn from(environment: &Environment) -> Self {
        Self {
            name: environment.name.clone(),
            tier: environment.tier,
            region: environment.region.clone(),
        }
    }
}

/// Refuses a copy into production, one into itself, and one that would take personal data into
/// another region. Data of the tiers staging and production counts as personal; an environment
/// without a region is nowhere, so that a copy is refused when only one side names its region, and
/// when production does not name one at all.
///
/// # Errors
/// [`Kind::CopyRefused`].
pub fn refuse(from: &Side, to: &Side) -> Result<()> {
    let refused = |why: String| Err(Error::new(Kind::CopyRefused, why));
    if to.tier == Tier::Production {
        return refused(format!("{} is a production environment", to.name)).map_err(
            |error: Error| error.hint("no flag allows this: production is never a target"),
        );
    }
    if from.name == to.name {
        return refused(format!("{} would be copied into itself", from.name));
    }
    if from.tier == Tier::Dev {
        return Ok(());
    }
    match (&from.region, &to.region) {
        (Some(a), Some(b)) if a == b => Ok(()),
        (None, None) if from.tier != Tier::Production => Ok(()),
        (a, b) => {
            let word = |region: &Option<String>| {
                region
                    .clone()
                    .unwrap_or_else(|| "a region not named".to_owned())
            };
            refused(format!(
                "{} is in {}, {} in {}",
                from.name,
                word(a),
                to.name,
                word(b)
            ))
            .map_err(|error: Error| {
                error.hint("personal data stays in its region; name `region` of both environments")
            })
        }
    }
}

/// Refuses to swap databases of production.
///
/// # Errors
/// [`Kind::CopyRefused`].
pub fn refuse_target(to: &Environment) -> Result<()> {
    if to.tier == Tier::Production {
        return Err(Error::new(
            Kind::CopyRefused,
            format!("{} is a production environment", to.name),
        )
        .hint("no flag allows this: production is never a target"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn side(name: &str, tier: Tier, region: Option<&str>) -> Side {
        Side {
            name: name.to_owned(),
            tier,
            region: region.map(str::to_owned),
        }
    }

    #[test]
    fn production_is_no_target_and_data_stays_in_its_region() {
        let production = |region| side("production", Tier::Production, region);
        let staging = |region| side("staging", Tier::Staging, region);
        let dev = |region| side("dev", Tier::Dev, region);
        let allowed = |from: &Side, to: &Side| refuse(from, to).is_ok();
        assert!(allowed(&production(Some("eu")), &staging(Some("eu"))));
        assert!(!allowed(&production(Some("eu")), &staging(Some("us"))));
        assert!(!allowed(&production(Some("eu")), &staging(None)));
        assert!(!allowed(&production(None), &staging(Some("eu"))));
        assert!(!allowed(&production(None), &staging(None)));
        assert!(allowed(&staging(None), &dev(None)));
        assert!(!allowed(&staging(Some("eu")), &dev(Some("us"))));
        assert!(allowed(&dev(Some("eu")), &staging(Some("us"))));
        assert!(!allowed(&staging(None), &production(None)));
        assert!(!allowed(&dev(None), &production(None)));
        assert!(!allowed(&dev(None), &dev(None)));
        let error = refuse(&dev(None), &production(None)).unwrap_err();
        assert_eq!(error.kind(), Kind::CopyRefused);
    }
}
