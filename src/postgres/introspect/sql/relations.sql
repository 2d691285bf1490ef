select c.oid::bigint as oid,
       n.nspname as schema,
       c.relname as name,
       c.relkind::text as kind,
       c.relpersistence::text as persistence,
       c.relispartition as is_partition,
       pg_catalog.pg_get_expr(c.relpartbound, c.oid) as partition_bound,
       (select pg_catalog.json_build_object(
                   'strategy', case k.partstrat when 'l' then 'list' when 'r' then 'range' else 'hash' end,
                   'definition', pg_catalog.pg_get_partkeydef(c.oid))
          from pg_catalog.pg_partitioned_table k where k.partrelid = c.oid) as partition_key,
       (select pg_catalog.json_agg(i.inhparent::bigint order by i.inhseqno)
          from pg_catalog.pg_inherits i where i.inhrelid = c.oid and not i.inhdetachpending) as parents,
       pg_catalog.pg_get_userbyid(c.relowner) as owner,
       am.amname as access_method,
       ts.spcname as tablespace,
       c.relrowsecurity as row_security,
       c.relforcerowsecurity as force_row_security,
       c.relreplident::text as replica_identity,
       c.reloptions as options,
       c.reloftype <> 0 as typed,
       c.reltoastrelid <> 0 as has_toast,
       c.reltuples::float8 as reltuples,
       greatest(c.relpages, 0)::bigint as relpages,
       case when c.relkind in ('r', 'm') then pg_catalog.pg_table_size(c.oid) end as table_bytes,
       case when c.relkind in ('v', 'm') then pg_catalog.pg_get_viewdef(c.oid) end as definition,
       c.relispopulated as populated,
       fs.srvname as server,
       ft.ftoptions as foreign_options,
       g.grants,
       g.owner_lacks,
       d.description as comment
  from pg_catalog.pg_class c
  join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  left join pg_catalog.pg_am am on am.oid = c.relam
  left join pg_catalog.pg_tablespace ts on ts.oid = c.reltablespace
  left join pg_catalog.pg_foreign_table ft on ft.ftrelid = c.oid
  left join pg_catalog.pg_foreign_server fs on fs.oid = ft.ftserver
  left join pg_catalog.pg_description d
    on d.objoid = c.oid and d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objsubid = 0
  left join lateral (
       select pg_catalog.json_agg(pg_catalog.json_build_object(
                  'grantee', r.rolname, 'privilege', a.privilege_type, 'grantable', a.is_grantable))
                  filter (where a.grantee <> c.relowner) as grants,
              (select pg_catalog.json_agg(o.privilege_type order by o.privilege_type)
                 from pg_catalog.aclexplode(pg_catalog.acldefault('r', c.relowner)) o
                where c.relacl is not null
                  and o.privilege_type not in (select h.privilege_type from pg_catalog.aclexplode(c.relacl) h
                                                where h.grantee = c.relowner)) as owner_lacks
         from pg_catalog.aclexplode(c.relacl) a
         left join pg_catalog.pg_roles r on r.oid = a.grantee) g on c.relacl is not null
 where c.relkind in ('r', 'p', 'f', 'v', 'm')
   and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'tidegate', 'tidegate_queue')
   and not exists (select from pg_catalog.pg_depend e
                    where e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass
                      and e.objid = c.oid and e.objsubid = 0 and e.deptype = 'e')
