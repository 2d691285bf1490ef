//! The rows of a subset, picked once a run.

use serde::Serialize;

use super::engine::{Engine, Opened};
use super::gather::Gathered;
use super::snapshot::{join, patient};
use crate::error::{Error, Kind, Result};
use crate::masking::{MaskKey, MaskPlan};
use crate::postgres::{Scope, Session, search_path};
use crate::service::subset::{Selection, TableShare, select};

/// What was picked, for reports.
#[derive(Debug, Clone, Serialize)]
pub struct Picked {
    /// The part of the asked percentages that fits the budget, above 0 to 1.
    pub share: f64,
    /// Every table that holds rows.
    pub tables: Vec<TableShare>,
}

impl Picked {
    /// What a selection holds.
    #[must_use]
    pub fn of(selection: &Selection) -> Self {
        Self {
            share: selection.share,
            tables: selection.shares.clone(),
        }
    }
}

/// Says that the budget made the subset smaller than was asked for.
pub(super) fn remark(selection: &Selection) -> Option<String> {
    (selection.share < 1.0).then(|| {
        format!(
            "max_size: the subset begins with {:.1} % of the rows that were asked for",
            selection.share * 100.0
        )
    })
}

impl Opened {
    /// Picks the rows under the snapshot of the copy; `None` when all are carried.
    pub(super) async fn pick(&self, masks: &MaskPlan, key: &MaskKey) -> Result<Option<Selection>> {
        self.note("the rows that are carried");
        let (engine, id) = (&self.engine, self.snapshot.id.as_str());
        engine
            .pick_under(Some(id), &self.gathered, (masks, key))
            .await
    }
}

impl Engine {
    /// Picks the rows as they are now, for a look at the plan; `None` when all are carried.
    ///
    /// # Errors
    /// [`Kind::MaskRule`] when the policy leaves out rows that others need; those of the source.
    pub async fn pick(
        &self,
        gathered: &Gathered,
        masks: &MaskPlan,
        key: &MaskKey,
    ) -> Result<Option<Selection>> {
        self.pick_under(None, gathered, (masks, key)).await
    }

    async fn pick_under(
        &self,
        snapshot: Option<&str>,
        gathered: &Gathered,
        (masks, key): (&MaskPlan, &MaskKey),
    ) -> Result<Option<Selection>> {
        let session = Session::connect(&self.source, "copy").await?;
        patient(&session).await?;
        match snapshot {
            Some(id) => join(&session, id).await?,
            None => {
                let begin = "begin transaction isolation level repeatable read, read only";
                session.batch_execute(begin).await?;
            }
        }
        let path = search_path(&self.source.search_path, Scope::Transaction)?;
        session.batch_execute(&path).await?;
        tokio::select! {
            () = self.cancel.cancelled() => {
                Err(Error::new(Kind::Cancelled, "the copy was stopped before its first row"))
            }
            picked = select(&session, &gathered.catalog, masks, key) => picked,
        }
    }
}
