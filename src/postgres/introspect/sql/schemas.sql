select n.nspname as name,
       pg_catalog.pg_get_userbyid(n.nspowner) as owner,
       g.grants,
       d.description as comment
  from pg_catalog.pg_namespace n
  left join pg_catalog.pg_description d
    on d.objoid = n.oid and d.classoid = 'pg_catalog.pg_namespace'::pg_catalog.regclass and d.objsubid = 0
  left join lateral (
       select pg_catalog.json_agg(pg_catalog.json_build_object(
                  'grantee', r.rolname, 'privilege', a.privilege_type, 'grantable', a.is_grantable)) as grants
         from pg_catalog.aclexplode(n.nspacl) a
         left join pg_catalog.pg_roles r on r.oid = a.grantee
        where a.grantee <> n.nspowner) g on true
 where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'tidegate', 'tidegate_queue')
   and not exists (select from pg_catalog.pg_depend e
                    where e.classid = 'pg_catalog.pg_namespace'::pg_catalog.regclass
                      and e.objid = n.oid and e.deptype = 'e')
