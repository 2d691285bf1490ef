//! Carries the schema: everything but rows, in two sections around the load.

use std::ffi::OsString;

use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::catalog::{Catalog, has_word};
use crate::config::{Target, vars};
use crate::copy::{Grants, carried, granted};
use crate::error::Result;
use crate::postgres::Session;
use crate::service::programs::{Programs, option};
use crate::sql::parse_script;

/// A schema as an archive in a private folder, which goes away with this value.
#[derive(Debug)]
pub(super) struct SchemaArchive {
    programs: Programs,
    folder: TempDir,
    owners: bool,
    /// The grants, when not all of them can be carried as they are.
    grants: Option<Grants>,
    cancel: CancellationToken,
    /// What could not be carried, in words.
    pub(super) remarks: Vec<String>,
}

/// Which half is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// Types, tables, functions: what rows need.
    Before,
    /// Indexes, constraints, triggers: what rows would wait for.
    After,
}

/// What the target's server can take.
#[derive(Debug)]
pub(super) struct Welcome {
    /// Its roles.
    pub(super) roles: std::collections::BTreeSet<String>,
    /// Whether objects may be given to other roles.
    pub(super) superuser: bool,
}

impl SchemaArchive {
    /// Dumps the schema as the exported snapshot sees it.
    pub(super) async fn dump(
        programs: Programs,
        source: (&Target, &str),
        catalog: &Catalog,
        welcome: &Welcome,
        cancel: &CancellationToken,
    ) -> Result<Self> {
        let folder = tempfile::Builder::new()
            .prefix("tidegate-schema-")
            .tempdir_in(vars::temp_dir())?;
        let (owners, grants, remarks) = roles_that_fit(catalog, welcome);
        let mut archive = Self {
            programs,
            folder,
            owners,
            grants: None,
            cancel: cancel.clone(),
            remarks,
        };
        let (target, snapshot) = source;
        let mut arguments: Vec<OsString> = [
            "--schema-only",
            "--encoding=UTF8",
            "--format=custom",
            "--no-comments",
            "--no-publications",
            "--no-subscriptions",
            "--no-security-labels",
            "--no-tablespaces",
            "--exclude-schema=tidegate",
            "--exclude-schema=tidegate_copy",
            "--no-password",
        ]
        .map(OsString::from)
        .to_vec();
        arguments.push(format!("--snapshot={snapshot}").into());
        arguments.push(option("file", &archive.file()));
        archive
            .programs
            .run("pg_dump", target, &arguments, cancel)
            .await?;
        archive.write_list(target, grants).await?;
        if !grants {
            archive.read_grants(target, welcome).await?;
        }
        Ok(archive)
    }

    fn file(&self) -> std::path::PathBuf {
        self.folder.path().join("schema")
    }

    fn list(&self) -> std::path::PathBuf {
        self.folder.path().join("list")
    }

    async fn write_list(&self, target: &Target, grants: bool) -> Result<()> {
        let arguments = ["--list".into(), self.file().into_os_string()];
        let list = self
            .programs
            .run("pg_restore", target, &arguments, &self.cancel)
            .await?;
        tokio::fs::write(self.list(), carried(&list, grants)).await?;
        Ok(())
    }

    /// Reads the grants that the target's server can take.
    async fn read_grants(&mut self, target: &Target, welcome: &Welcome) -> Result<()> {
        let run = async |arguments: &[OsString]| {
            let programs = &self.programs;
            programs
                .run("pg_restore", target, arguments, &self.cancel)
                .await
        };
        let list = run(&["--list".into(), self.file().into_os_string()]).await?;
        let only = self.folder.path().join("grants");
        tokio::fs::write(&only, granted(&list)).await?;
        let script = run(&[
            "--file=-".into(),
            "--no-owner".into(),
            option("use-list", &only),
            self.file().into_os_string(),
        ])
        .await?;
        let grants = Grants::fitting(&script, &welcome.roles, welcome.superuser);
        if !grants.absent.is_empty() {
            let absent: Vec<&str> = grants.absent.iter().map(String::as_str).collect();
            self.remarks.push(format!(
                "what is granted to {} is not carried: no such roles on the target",
                absent.join(", ")
            ));
        }
        if grants.defaults_left_out {
            self.remarks.push(
                "default privileges are not carried: the target's role is no superuser".to_owned(),
            );
        }
        self.grants = Some(grants);
        Ok(())
    }

    /// Grants what [`SchemaArchive::read_grants`] found.
    async fn grant(&self, target: &Target) -> Result<()> {
        let Some(grants) = &self.grants else {
            return Ok(());
        };
        let session = Session::connect(target, "copy").await?;
        Ok(session.batch_execute(&grants.statements.join("\n")).await?)
    }

    /// Takes away what [`Section::After`] has made, all or part of it, so that rows can be loaded
    /// again; whether nothing of it is left. The statements are those of `pg_restore --clean`.
    pub(super) async fn withdraw(&self, target: &Target) -> Result<bool> {
        let arguments = [
            "--file=-".into(),
            "--clean".into(),
            "--if-exists".into(),
            "--section=post-data".into(),
            option("use-list", &self.list()),
            self.file().into_os_string(),
        ];
        let script = self
            .programs
            .run("pg_restore", target, &arguments, &self.cancel)
            .await?;
        let session = Session::connect(target, "copy").await?;
        session.batch_execute("set search_path = ''").await?;
        for statement in removals(&script) {
            // What cannot be taken away is still there when it is counted.
            if let Err(error) = session.batch_execute(&statement).await {
                tracing::debug!(%error, statement, "not taken away");
            }
        }
        let left: Vec<String> = session.query_one(LEFT, &[]).await?.get(0);
        if !left.is_empty() {
            tracing::info!(?left, "not taken away: the copy begins anew");
        }
        Ok(left.is_empty())
    }

    /// Restores one half.
    pub(super) async fn restore(
        &self,
        target: &Target,
        section: Section,
        workers: usize,
    ) -> Result<()> {
        let mut arguments: Vec<OsString> = vec![
            "--exit-on-error".into(),
            "--no-password".into(),
            "--no-tablespaces".into(),
            format!("--dbname={}", connection_word(target.database())).into(),
            option("use-list", &self.list()),
        ];
        match section {
            Section::Before => arguments.push("--section=pre-data".into()),
            Section::After => {
                arguments.push("--section=post-data".into());
                arguments.push(format!("--jobs={}", workers.max(1)).into());
            }
        }
        if !self.owners {
            arguments.push("--no-owner".into());
        }
        arguments.push(self.file().into_os_string());
        self.programs
            .run("pg_restore", target, &arguments, &self.cancel)
            .await?;
        match section {
            Section::Before => self.grant(target).await,
            Section::After => Ok(()),
        }
    }
}

/// Names of indexes, foreign keys, triggers, rules and policies outside of the control schemas; all
/// other constraints have an index.
const LEFT: &str = "\
    with ours as ( \
      select c.oid from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace \
      where n.nspname !~ '^(pg_|tidegate|information_schema)' and not exists ( \
        select from pg_catalog.pg_depend as d where d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass \
          and d.objid = c.oid and d.deptype = 'e')), \
    left_over (name) as ( \
      select indexrelid::pg_catalog.regclass::text from pg_catalog.pg_index where indrelid in (select oid from ours) \
      union all select conname from pg_catalog.pg_constraint where contype = 'f' and conrelid in (select oid from ours) \
      union all select tgname from pg_catalog.pg_trigger where not tgisinternal and tgrelid in (select oid from ours) \
      union all select polname from pg_catalog.pg_policy where polrelid in (select oid from ours) \
      union all select rulename from pg_catalog.pg_rewrite where rulename <> '_RETURN' and ev_class in (select oid from ours)) \
    select coalesce(pg_catalog.array_agg(name), '{}') from left_over";

/// The statements of a script that take objects away, before the first that makes one.
fn removals(script: &str) -> Vec<String> {
    // Newer minor versions put `\restrict` around what psql is to run.
    let lines = script.lines().filter(|line| !line.starts_with('\\'));
    let script: String = lines.flat_map(|line| [line, "\n"]).collect();
    let statements = match parse_script(&script) {
        Ok(statements) => statements,
        Err(problem) => {
            tracing::debug!(?problem, "the script is not understood");
            return Vec::new();
        }
    };
    let first = |text: &str, word: &str| {
        text.get(..word.len())
            .is_some_and(|head| head.eq_ignore_ascii_case(word))
    };
    // A view that needs a constraint is replaced by one without a body instead.
    let makes = |text: &str| {
        first(text, "create ") && !first(text, "create or replace view ")
            || first(text, "alter table ") && has_word(text, "add")
    };
    statements
        .into_iter()
        .map(|statement| statement.text)
        .take_while(|text| !makes(text))
        .filter(|text| {
            ["drop ", "alter table ", "create "]
                .iter()
                .any(|word| first(text, word))
        })
        .collect()
}

/// A database's name as a connection string of its own, since a bare word with `=` or `://` in it
/// would be read as one.
pub(super) fn connection_word(name: &str) -> String {
    let escaped = name.replace('\\', "\\\\").replace('\'', "\\'");
    format!("dbname='{escaped}'")
}

/// Whether owners and grants can be carried as they are, and what is said when not.
fn roles_that_fit(catalog: &Catalog, welcome: &Welcome) -> (bool, bool, Vec<String>) {
    let owners: std::collections::BTreeSet<&str> = catalog
        .schemas
        .iter()
        .map(|schema| &schema.owner)
        .chain(catalog.tables.values().map(|table| &table.owner))
        .chain(catalog.views.values().map(|view| &view.owner))
        .chain(catalog.sequences.values().map(|sequence| &sequence.owner))
        .chain(catalog.types.values().map(|kind| &kind.owner))
        .chain(catalog.functions.iter().map(|function| &function.owner))
        .map(crate::sql::Ident::as_str)
        .collect();
    let grantees: std::collections::BTreeSet<&str> = catalog
        .schemas
        .iter()
        .flat_map(|schema| &schema.grants)
        .chain(catalog.tables.values().flat_map(|table| &table.grants))
        .chain(
            catalog
                .tables
                .values()
                .flat_map(|t| t.columns.iter().flat_map(|c| &c.grants)),
        )
        .chain(catalog.views.values().flat_map(|view| &view.grants))
        .chain(
            catalog
                .sequences
                .values()
                .flat_map(|sequence| &sequence.grants),
        )
        .chain(catalog.types.values().flat_map(|kind| &kind.grants))
        .chain(
            catalog
                .functions
                .iter()
                .flat_map(|function| &function.grants),
        )
        .filter_map(|grant| grant.grantee.as_ref())
        .map(crate::sql::Ident::as_str)
        .collect();
    let missing = |names: &std::collections::BTreeSet<&str>| -> Vec<String> {
        let absent = names.iter().filter(|name| !welcome.roles.contains(**name));
        absent.map(|name| (*name).to_owned()).collect()
    };
    let mut remarks = Vec::new();
    let lost_owners = missing(&owners);
    let keep_owners = welcome.superuser && lost_owners.is_empty();
    if !lost_owners.is_empty() {
        remarks.push(format!(
            "all objects belong to the role of the target: {} do not exist there",
            lost_owners.join(", ")
        ));
    } else if !keep_owners {
        remarks
            .push("all objects belong to the role of the target, which is no superuser".to_owned());
    }
    let whole = keep_owners && missing(&grantees).is_empty();
    (keep_owners, whole, remarks)
}
