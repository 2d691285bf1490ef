//! The extensions of a cluster, and the libraries that functions of its users need: a machine that
//! restores it must have them, too.

use std::collections::BTreeSet;

use crate::config::Target;
use crate::error::Result;
use crate::postgres::Session;
use crate::recovery::{Extension, Settings};
use crate::service::databases::{Named, databases};

/// Databases that are entered at most; a backup does not wait for thousands.
const MOST: usize = 100;

const EXTENSIONS: &str =
    "select extname::text, extversion from pg_catalog.pg_extension where extname <> 'plpgsql'";

/// What comes with the server has a smaller number.
const LIBRARIES: &str = "select distinct probin::text from pg_catalog.pg_proc where probin is not null and oid >= 16384";

/// Enters `settings` what every database has. One that cannot be entered is left out: no backup fails
/// for it.
///
/// # Errors
/// The list of databases cannot be read.
pub(super) async fn look(
    session: &Session,
    target: &Target,
    settings: &mut Settings,
) -> Result<()> {
    let mut libraries = BTreeSet::new();
    for name in databases(session).await?.into_iter().take(MOST) {
        let Named::Text(database) = name else {
            continue;
        };
        match inside(&target.at_database(&database)).await {
            Ok((extensions, needed)) => {
                let known = extensions.into_iter().map(|(name, version)| Extension {
                    name,
                    version,
                    database: database.clone(),
                });
                settings.extensions.extend(known);
                libraries.extend(needed);
            }
            Err(error) => {
                tracing::debug!(%error, database, "its extensions are not known");
            }
        }
    }
    settings.extensions.sort();
    settings.libraries = libraries.into_iter().collect();
    Ok(())
}

/// Names and versions of extensions, and libraries.
type Inside = (Vec<(String, String)>, Vec<String>);

async fn inside(target: &Target) -> Result<Inside> {
    let session = Session::connect(target, "backup").await?;
    let extensions = session.query(EXTENSIONS, &[]).await?;
    let extensions = extensions
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    let libraries = session.query(LIBRARIES, &[]).await?;
    let libraries = libraries.iter().map(|row| Ok(row.try_get(0)?));
    Ok((
        extensions.collect::<Result<_>>()?,
        libraries.collect::<Result<_>>()?,
    ))
}
