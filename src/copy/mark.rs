//! What is noted on a database (`COMMENT ON DATABASE`), so that it can be told what it is without
//! connecting to it.

use serde::{Deserialize, Serialize};

/// Where a database of a copy stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It is being built; a run that stopped goes on here.
    Building,
    /// It is complete and passed its gate; it waits for `copy promote`.
    Ready,
    /// It is complete and did not pass its gate; kept for inspection.
    Failed,
    /// It is the target in use.
    Promoted,
    /// It was the target before; `copy rollback` brings it back.
    Before,
    /// It was the target and was rolled back.
    RolledBack,
}

/// What is noted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The run, `20261129020000`.
    pub run: String,
    /// Environment that the data comes from.
    pub from: String,
    /// The target environment.
    pub to: String,
    /// Name of the target's database.
    pub database: String,
    /// Where it stands.
    pub stage: Stage,
    /// Hash of the plan.
    pub plan: String,
    /// The comment that the database had before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
}

/// What our comments begin with.
const SIGN: &str = "tidegate copy ";

impl Mark {
    /// The comment.
    ///
    /// # Errors
    /// None in practice.
    pub fn comment(&self) -> crate::Result<String> {
        let text = serde_json::to_string(self)
            .map_err(|error| crate::Error::new(crate::error::Kind::Internal, error.to_string()))?;
        Ok(format!("{SIGN}{text}"))
    }

    /// Reads a database's comment; `None` when it is not ours.
    #[must_use]
    pub fn read(comment: &str) -> Option<Self> {
        serde_json::from_str(comment.strip_prefix(SIGN)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_told_from_comments_of_people() {
        let mark = Mark {
            run: "1".to_owned(),
            from: "production".to_owned(),
            to: "staging".to_owned(),
            database: "shop".to_owned(),
            stage: Stage::Ready,
            plan: "00".to_owned(),
            comment: Some("it's ours".to_owned()),
        };
        assert_eq!(Mark::read(&mark.comment().unwrap()), Some(mark));
        assert_eq!(Mark::read("tidegate copy of the shop"), None);
        assert_eq!(Mark::read("the shop"), None);
    }
}
