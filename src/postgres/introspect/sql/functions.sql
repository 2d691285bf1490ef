select p.oid::bigint as oid,
       pg_catalog.json_build_object('schema', n.nspname, 'name', p.proname) as name,
       pg_catalog.pg_get_function_identity_arguments(p.oid) as identity_arguments,
       case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' when 'w' then 'window' else 'function' end as kind,
       pg_catalog.pg_get_function_result(p.oid) as result,
       l.lanname as language,
       pg_catalog.pg_get_userbyid(p.proowner) as owner,
       case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end as volatility,
       p.prosecdef as security_definer,
       p.prosqlbody is not null as parsed_body,
       case when l.lanname not in ('c', 'internal') and p.prokind <> 'a' and p.prosqlbody is null then p.prosrc end as source,
       pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(
           case when p.prokind <> 'a' then pg_catalog.pg_get_functiondef(p.oid)
                else (select pg_catalog.concat_ws(' ', a.aggkind, a.aggtransfn, a.aggfinalfn, a.aggcombinefn, a.aggserialfn,
                                 a.aggdeserialfn, a.aggmtransfn, a.aggminvtransfn, a.aggmfinalfn,
                                 pg_catalog.format_type(a.aggtranstype, null), a.agginitval, a.aggminitval)
                        from pg_catalog.pg_aggregate a where a.aggfnoid = p.oid) end,
           'UTF8')), 'hex') as definition_sha256,
       (select pg_catalog.json_agg(pg_catalog.json_build_object(
                   'grantee', r.rolname, 'privilege', x.privilege_type, 'grantable', x.is_grantable))
          from pg_catalog.aclexplode(coalesce(p.proacl, pg_catalog.acldefault('f', p.proowner))) x
          left join pg_catalog.pg_roles r on r.oid = x.grantee
         where x.grantee <> p.proowner) as grants,
       d.description as comment
  from pg_catalog.pg_proc p
  join pg_catalog.pg_namespace n on n.oid = p.pronamespace
  join pg_catalog.pg_language l on l.oid = p.prolang
  left join pg_catalog.pg_description d
    on d.objoid = p.oid and d.classoid = 'pg_catalog.pg_proc'::pg_catalog.regclass and d.objsubid = 0
 where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'tidegate', 'tidegate_queue')
   and not exists (select from pg_catalog.pg_depend e -- constructors of range types belong to their type
                    where e.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
                      and e.objid = p.oid and e.deptype in ('e', 'i'))
