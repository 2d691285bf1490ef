//! What a server was last started with, for commands that find it running.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::binaries::Binaries;
use super::folder;
use super::identity::Identity;
use crate::error::{Error, Kind, Result};

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct State {
    pub(super) binaries: Binaries,
}

impl State {
    pub(super) fn read(path: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(path).ok()?).ok()
    }

    pub(super) fn write(&self, path: &Path, reader: &Identity) -> Result<()> {
        let text = serde_json::to_string(self)
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        folder::write(path, &text, reader)
    }
}
