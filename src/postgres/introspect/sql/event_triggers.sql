select e.evtname as name,
       e.evtevent as event,
       pg_catalog.pg_get_userbyid(e.evtowner) as owner,
       e.evtenabled <> 'D' as enabled,
       e.evttags as tags,
       pg_catalog.json_build_object('schema', n.nspname, 'name', p.proname) as function
  from pg_catalog.pg_event_trigger e
  join pg_catalog.pg_proc p on p.oid = e.evtfoid
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
 where not exists (select from pg_catalog.pg_depend x
                    where x.classid = 'pg_catalog.pg_event_trigger'::pg_catalog.regclass
                      and x.objid = e.oid and x.deptype = 'e')
