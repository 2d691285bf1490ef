select c.oid::bigint as oid,
       pg_catalog.json_build_object('schema', n.nspname, 'name', c.relname) as name,
       pg_catalog.pg_get_userbyid(c.relowner) as owner,
       pg_catalog.format_type(s.seqtypid, null) as data_type,
       s.seqstart as start, s.seqincrement as increment, s.seqmin as minimum, s.seqmax as maximum,
       s.seqcache as cache, s.seqcycle as cycle,
       c.relpersistence::text as persistence,
       (select pg_catalog.json_build_object(
                   'table', pg_catalog.json_build_object('schema', tn.nspname, 'name', t.relname),
                   'column', a.attname,
                   'identity', o.deptype = 'i')
          from pg_catalog.pg_depend o
          join pg_catalog.pg_class t on t.oid = o.refobjid
          join pg_catalog.pg_namespace tn on tn.oid = t.relnamespace
          join pg_catalog.pg_attribute a on a.attrelid = t.oid and a.attnum = o.refobjsubid
         where o.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and o.objid = c.oid and o.objsubid = 0
           and o.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass and o.deptype in ('a', 'i')
         limit 1) as owned_by,
       case when c.relacl is not null then (
            select pg_catalog.json_agg(pg_catalog.json_build_object(
                       'grantee', r.rolname, 'privilege', x.privilege_type, 'grantable', x.is_grantable))
              from pg_catalog.aclexplode(c.relacl) x
              left join pg_catalog.pg_roles r on r.oid = x.grantee
             where x.grantee <> c.relowner) end as grants,
       d.description as comment
  from pg_catalog.pg_sequence s
  join pg_catalog.pg_class c on c.oid = s.seqrelid
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join pg_catalog.pg_description d
    on d.objoid = c.oid and d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objsubid = 0
 where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'tidegate', 'tidegate_queue')
   and not exists (select from pg_catalog.pg_depend e
                    where e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                      and e.objid = c.oid and e.objsubid = 0 and e.deptype = 'e')
