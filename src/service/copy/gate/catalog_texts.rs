//! Texts of the target's catalog: comments, expressions, bodies, options, statistics, names.

use futures_util::TryStreamExt as _;

use super::allowed::{allowed_list, is_allowed};
use super::relations::Place;
use super::scanner::Scanner;
use super::table_scan::Scan;
use crate::error::{Kind, Result};
use crate::masking::Allowed;
use crate::masking::leak::Expectation;
use crate::postgres::Session;

/// One kind of text of the catalog.
#[derive(Debug, Clone, Copy)]
pub(super) struct Channel {
    /// `comments`.
    pub(super) name: &'static str,
    /// Gives the title of a place, its title without names, and the text.
    sql: &'static str,
    /// Whether it is computed from columns.
    derived: bool,
    /// The first version that has it, as `server_version_num`.
    since: i32,
}

const fn channel(name: &'static str, sql: &'static str) -> Channel {
    Channel {
        name,
        sql,
        derived: false,
        since: 0,
    }
}

const fn derived(name: &'static str, sql: &'static str) -> Channel {
    Channel {
        derived: true,
        ..channel(name, sql)
    }
}

/// Every channel. Built-in objects are searched too where it is cheap: somebody may have commented
/// on one of them.
pub(super) const CHANNELS: &[Channel] = &[
    channel(
        "comments",
        "select 'comment on ' || pg_describe_object(classoid, objoid, objsubid),
            'comment on an object of ' || classoid::regclass || ' with oid ' || objoid, description
         from pg_description
         union all
         select 'comment on the database', 'comment on the database', description
         from pg_shdescription join pg_database d on d.oid = objoid
         where classoid = 'pg_database'::regclass and d.datname = current_database()",
    ),
    channel(
        "security labels",
        "select 'security label of ' || pg_describe_object(classoid, objoid, objsubid),
            'security label of the object with oid ' || objoid, label from pg_seclabel",
    ),
    channel(
        "defaults",
        "select 'default of ' || pg_describe_object('pg_class'::regclass, adrelid, adnum),
            'default of column ' || adnum || ' of the relation with oid ' || adrelid,
            pg_get_expr(adbin, adrelid)
         from pg_attrdef
         union all
         select 'value for old rows of ' || pg_describe_object('pg_class'::regclass, attrelid, attnum),
            'value for old rows of column ' || attnum || ' of the relation with oid ' || attrelid,
            attmissingval::text
         from pg_attribute where atthasmissing",
    ),
    channel(
        "constraints",
        "select pg_describe_object('pg_constraint'::regclass, oid, 0),
            'constraint with oid ' || oid, pg_get_constraintdef(oid)
         from pg_constraint where connamespace <> 'pg_catalog'::regnamespace",
    ),
    channel(
        "functions",
        "select pg_describe_object('pg_proc'::regclass, p.oid, 0), 'function with oid ' || p.oid,
            concat_ws(chr(10), prosrc, pg_get_function_arguments(p.oid),
                pg_get_function_sqlbody(p.oid), proconfig::text, agginitval, aggminitval)
         from pg_proc p left join pg_aggregate on aggfnoid = p.oid
         where pronamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)",
    ),
    channel(
        "views",
        "select pg_describe_object('pg_class'::regclass, oid, 0), 'view with oid ' || oid,
            pg_get_viewdef(oid)
         from pg_class where relkind in ('v', 'm')
            and relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)",
    ),
    channel(
        "rules",
        "select pg_describe_object('pg_rewrite'::regclass, oid, 0), 'rule with oid ' || oid,
            pg_get_ruledef(oid)
         from pg_rewrite where rulename <> '_RETURN'",
    ),
    channel(
        "triggers",
        "select pg_describe_object('pg_trigger'::regclass, oid, 0), 'trigger with oid ' || oid,
            concat_ws(chr(10), pg_get_triggerdef(oid), encode(tgargs, 'escape'))
         from pg_trigger where not tgisinternal",
    ),
    channel(
        "policies",
        "select pg_describe_object('pg_policy'::regclass, oid, 0), 'policy with oid ' || oid,
            concat_ws(chr(10), pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
         from pg_policy",
    ),
    channel(
        "indexes",
        "select pg_describe_object('pg_class'::regclass, indexrelid, 0),
            'index with oid ' || indexrelid, pg_get_indexdef(indexrelid)
         from pg_index where indexrelid >= 16384",
    ),
    channel(
        "partition bounds",
        "select 'bound of ' || pg_describe_object('pg_class'::regclass, oid, 0),
            'bound of the partition with oid ' || oid, pg_get_expr(relpartbound, oid)
         from pg_class where relpartbound is not null
         union all
         select 'partition key of ' || pg_describe_object('pg_class'::regclass, partrelid, 0),
            'partition key of the relation with oid ' || partrelid, pg_get_partkeydef(partrelid)
         from pg_partitioned_table",
    ),
    channel(
        "enum labels",
        "select 'label of ' || pg_describe_object('pg_type'::regclass, enumtypid, 0),
            'label of the type with oid ' || enumtypid, enumlabel
         from pg_enum",
    ),
    channel(
        "type defaults",
        "select 'default of ' || pg_describe_object('pg_type'::regclass, oid, 0),
            'default of the type with oid ' || oid, typdefault
         from pg_type where typdefault is not null and oid >= 16384",
    ),
    derived(
        "statistics",
        "select 'statistics of ' || schemaname || '.' || tablename || '.' || attname,
            'statistics of a column',
            value
         from pg_stats cross join lateral (
            select unnest(most_common_vals::text::text[])
            union all select unnest(histogram_bounds::text::text[])
            union all select unnest(most_common_elems::text::text[])) as part (value)
         where schemaname not in ('pg_catalog', 'information_schema')",
    ),
    derived(
        "extended statistics",
        "select 'extended statistics ' || statistics_schemaname || '.' || statistics_name,
            'extended statistics', most_common_vals::text
         from pg_stats_ext
         union all
         select 'extended statistics ' || statistics_schemaname || '.' || statistics_name,
            'extended statistics',
            concat_ws(' | ', most_common_vals::text, histogram_bounds::text, most_common_elems::text)
         from pg_stats_ext_exprs",
    ),
    channel(
        "statistics objects",
        "select pg_describe_object('pg_statistic_ext'::regclass, oid, 0),
            'statistics object with oid ' || oid, pg_get_statisticsobjdef(oid)
         from pg_statistic_ext",
    ),
    channel(
        "sequences",
        "select 'sequence ' || schemaname || '.' || sequencename, 'a sequence',
            concat_ws(' | ', last_value, start_value, min_value, max_value)
         from pg_sequences",
    ),
    channel(
        "foreign data options",
        "select 'options of the foreign data wrapper ' || fdwname,
            'options of the foreign data wrapper with oid ' || oid, fdwoptions::text
         from pg_foreign_data_wrapper
         union all
         select 'options of the server ' || srvname, 'options of the server with oid ' || oid,
            srvoptions::text
         from pg_foreign_server
         union all
         select 'user mapping of the server ' || srvname, 'user mapping with oid ' || umid,
            umoptions::text
         from pg_user_mappings
         union all
         select 'options of ' || pg_describe_object('pg_class'::regclass, ftrelid, 0),
            'options of the foreign table with oid ' || ftrelid, ftoptions::text
         from pg_foreign_table
         union all
         select 'options of ' || pg_describe_object('pg_class'::regclass, attrelid, attnum),
            'options of a column of the relation with oid ' || attrelid, attfdwoptions::text
         from pg_attribute where attfdwoptions is not null",
    ),
    channel(
        "subscriptions",
        "select 'subscription ' || subname, 'subscription with oid ' || s.oid, subconninfo
         from pg_subscription s join pg_database d on d.oid = subdbid
         where d.datname = current_database()",
    ),
    channel(
        "settings",
        "select 'settings of the database' || coalesce(' for ' || r.rolname, ''),
            'settings of the database', setconfig::text
         from pg_db_role_setting s join pg_database d on d.oid = s.setdatabase
         left join pg_roles r on r.oid = s.setrole
         where d.datname = current_database()",
    ),
    channel(
        "storage options",
        "select 'options of ' || pg_describe_object('pg_class'::regclass, oid, 0),
            'options of the relation with oid ' || oid, reloptions::text
         from pg_class where reloptions is not null
         union all
         select 'dictionary ' || dictname, 'dictionary with oid ' || oid, dictinitoption
         from pg_ts_dict where oid >= 16384",
    ),
    Channel {
        since: 150_000,
        ..channel(
            "publications",
            "select pg_describe_object('pg_publication_rel'::regclass, oid, 0),
                'publication of a table with oid ' || oid, pg_get_expr(prqual, prrelid)
             from pg_publication_rel",
        )
    },
    channel("names", NAMES),
];

/// A place never shows the name that was searched.
const NAMES: &str = "
select place, place, name from (
    select 'name of the relation with oid ' || oid, relname::text from pg_class where oid >= 16384
    union all
    select 'name of column ' || attnum || ' of the relation with oid ' || attrelid, attname::text
    from pg_attribute where attrelid >= 16384 and attnum > 0
    union all
    select 'name of the schema with oid ' || oid, nspname::text from pg_namespace
    union all
    select 'name of the type with oid ' || oid, typname::text from pg_type where oid >= 16384
    union all
    select 'name of the function with oid ' || oid, proname::text from pg_proc where oid >= 16384
    union all
    select 'name of the constraint with oid ' || oid, conname::text from pg_constraint
    where oid >= 16384
    union all
    select 'name of the trigger with oid ' || oid, tgname::text from pg_trigger
    union all
    select 'name of the policy with oid ' || oid, polname::text from pg_policy
    union all
    select 'name of the rule with oid ' || oid, rulename::text from pg_rewrite where oid >= 16384
    union all
    select 'name of the statistics with oid ' || oid, stxname::text from pg_statistic_ext
    union all
    select 'name of the server with oid ' || oid, srvname::text from pg_foreign_server
    union all
    select 'name of the publication with oid ' || oid, pubname::text from pg_publication
    union all
    select 'name of the event trigger with oid ' || oid, evtname::text from pg_event_trigger
    union all
    select 'name of the dictionary with oid ' || oid, dictname::text from pg_ts_dict
    where oid >= 16384
) all_names (place, name)";

/// What a role that is no superuser may not see, when there is something to see: views of the
/// catalog leave it out without a word.
const BLIND_SPOTS: &str = "
select spot from (
    select 'subscriptions', exists (
        select s.oid from pg_catalog.pg_subscription s
        join pg_catalog.pg_database d on d.oid = s.subdbid where d.datname = current_database())
    union all
    select 'user mappings', exists (select from pg_catalog.pg_user_mappings where umoptions is null)
    union all
    select 'extended statistics', exists (
        select from pg_catalog.pg_statistic_ext s join pg_catalog.pg_class c on c.oid = s.stxrelid
        where not pg_catalog.pg_has_role(c.relowner, 'USAGE'))
) spots (spot, is_there)
where is_there and not (select rolsuper from pg_catalog.pg_roles where rolname = current_user)";

/// What this role cannot see although it is there.
pub(super) async fn blind_spots(session: &Session) -> Result<Vec<String>> {
    let rows = session.query(BLIND_SPOTS, &[]).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Searches the whole catalog but for the channels in `skip`; places with hits are appended. What
/// the policy allows to be carried may hold what it holds.
/// Returns the channels that the role may not read.
pub(super) async fn catalog_texts(
    scan: &Scan,
    session: &Session,
    places: &mut Vec<Place>,
    (skip, allow): (&[&'static str], &Allowed),
) -> Result<Vec<&'static str>> {
    let mut denied = Vec::new();
    for channel in CHANNELS {
        if session.version() < channel.since || skip.contains(&channel.name) {
            continue;
        }
        scan.check()?;
        match search(scan, session, (channel, allow), places).await {
            Err(error) if error.kind() == Kind::Privilege => denied.push(channel.name),
            result => result?,
        }
    }
    Ok(denied)
}

async fn search(
    scan: &Scan,
    session: &Session,
    (channel, allow): (&Channel, &Allowed),
    places: &mut Vec<Place>,
) -> Result<()> {
    let list = allowed_list(channel.name, allow);
    let usual = if channel.derived {
        Expectation::Derived
    } else {
        Expectation::Nothing
    };
    let mut scanner = Scanner::new(&scan.sought);
    let no_parameters: [&str; 0] = [];
    let rows = session.query_raw(channel.sql, no_parameters).await?;
    let mut rows = std::pin::pin!(rows);
    while let Some(row) = rows.try_next().await? {
        let Some(text) = row.get::<_, Option<&str>>(2) else {
            continue;
        };
        let title: Option<String> = row.get(0);
        let title = title.unwrap_or_default();
        let expects = if is_allowed(list, &title) {
            Expectation::Allowed
        } else {
            usual
        };
        let place = u32::try_from(places.len()).unwrap_or(u32::MAX);
        let before = scanner.findings.found.len() + scanner.findings.live.len();
        scanner.text(text.as_bytes(), (place, expects));
        if scanner.findings.found.len() + scanner.findings.live.len() > before {
            places.push(Place {
                title,
                nameless: row.get::<_, Option<String>>(1).unwrap_or_default(),
                expects,
            });
        } else {
            // The number goes to the next text with a hit.
            scanner.findings.probes.remove(&place);
        }
    }
    scan.add(scanner.findings);
    Ok(())
}
