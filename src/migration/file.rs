//! Reads a change file of either kind.

use std::path::Path;
use std::sync::Arc;

use super::change::Change;
use super::{sql_file, toml_file};
use crate::error::{Error, Kind, Result};

/// Reads the text of `NNNN_name.toml` or `NNNN_name.sql`; `down` is the text of
/// `NNNN_name.down.sql`, when there is one.
///
/// # Errors
/// Everything that is wrong with the file, with its place; nothing is looked up in a database.
pub fn parse_change(path: &Path, text: &str, down: Option<&str>) -> Result<Change> {
    let stem = path
        .file_stem()
        .and_then(|stem| stem.to_str())
        .unwrap_or_default();
    let (id, name) = stem
        .split_once('_')
        .filter(|(id, name)| {
            !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_digit()) && !name.is_empty()
        })
        .ok_or_else(|| {
            Error::new(
                Kind::ChangeValue,
                format!(
                    "{} is not named NNNN_name.toml or NNNN_name.sql",
                    path.display()
                ),
            )
            .hint("begin the name with the change's number, for example 0007_user_id.toml")
        })?;
    let text: Arc<str> = Arc::from(text);
    let mut change = if path.extension().is_some_and(|extension| extension == "sql") {
        sql_file::parse(path, &text, down)?
    } else {
        toml_file::parse(path, &text)?
    };
    id.clone_into(&mut change.id);
    name.clone_into(&mut change.name);
    if change.title.is_empty() {
        change.title = name.replace(['_', '-'], " ");
    }
    Ok(change)
}
