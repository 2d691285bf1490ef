select t.oid::bigint as oid,
       pg_catalog.json_build_object('schema', n.nspname, 'name', t.typname) as name,
       pg_catalog.pg_get_userbyid(t.typowner) as owner,
       case t.typtype
            when 'e' then pg_catalog.json_build_object('enum', pg_catalog.json_build_object('labels',
                (select coalesce(pg_catalog.json_agg(e.enumlabel order by e.enumsortorder), '[]'::json)
                   from pg_catalog.pg_enum e where e.enumtypid = t.oid)))
            when 'd' then pg_catalog.json_build_object('domain', pg_catalog.json_build_object(
                'base', pg_catalog.format_type(t.typbasetype, t.typtypmod),
                'base_oid', t.typbasetype::bigint,
                'not_null', t.typnotnull,
                'default', t.typdefault,
                'collation', (select pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(co.collname)
                                from pg_catalog.pg_collation co
                                join pg_catalog.pg_namespace cn on cn.oid = co.collnamespace
                                join pg_catalog.pg_type b on b.oid = t.typbasetype
                               where co.oid = t.typcollation and t.typcollation <> b.typcollation),
                'checks', (select pg_catalog.json_agg(pg_catalog.json_build_object(
                                      'name', k.conname, 'definition', pg_catalog.pg_get_constraintdef(k.oid),
                                      'validated', k.convalidated) order by k.conname)
                             from pg_catalog.pg_constraint k where k.contypid = t.oid and k.contype = 'c')))
            when 'c' then pg_catalog.json_build_object('composite', pg_catalog.json_build_object('attributes',
                (select pg_catalog.json_agg(pg_catalog.json_build_object(
                            'name', a.attname, 'data_type', pg_catalog.format_type(a.atttypid, a.atttypmod)) order by a.attnum)
                   from pg_catalog.pg_attribute a
                  where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped)))
            else pg_catalog.json_build_object('range', pg_catalog.json_build_object('subtype',
                (select pg_catalog.format_type(r.rngsubtype, null) from pg_catalog.pg_range r where r.rngtypid = t.oid)))
       end as kind,
       (select pg_catalog.json_agg(pg_catalog.json_build_object(
                   'grantee', r.rolname, 'privilege', x.privilege_type, 'grantable', x.is_grantable))
          from pg_catalog.aclexplode(coalesce(t.typacl, pg_catalog.acldefault('T', t.typowner))) x
          left join pg_catalog.pg_roles r on r.oid = x.grantee
         where x.grantee <> t.typowner) as grants,
       d.description as comment
  from pg_catalog.pg_type t
  join pg_catalog.pg_namespace n on n.oid = t.typnamespace
  left join pg_catalog.pg_class c on c.oid = t.typrelid
  left join pg_catalog.pg_description d
    on d.objoid = t.oid and d.classoid = 'pg_catalog.pg_type'::pg_catalog.regclass and d.objsubid = 0
 where (t.typtype in ('e', 'd', 'r') or (t.typtype = 'c' and c.relkind = 'c'))
   and n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'tidegate', 'tidegate_queue')
   and not exists (select from pg_catalog.pg_depend e
                    where e.classid = 'pg_catalog.pg_type'::pg_catalog.regclass
                      and e.objid = t.oid and e.deptype = 'e')
