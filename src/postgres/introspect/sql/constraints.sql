select k.conrelid::bigint as relation,
       k.oid::bigint as oid,
       k.conname as name,
       case k.contype
            when 'p' then pg_catalog.to_json('primary_key'::text)
            when 'u' then pg_catalog.to_json('unique'::text)
            when 'x' then pg_catalog.to_json('exclusion'::text)
            when 'n' then pg_catalog.to_json('not_null'::text)
            -- Part of the definition: to print it twice costs seconds in a table with a thousand columns.
            when 'c' then pg_catalog.json_build_object('check', pg_catalog.json_build_object(
                'expression', pg_catalog.substring(def.text,
                    '^CHECK [(](.*)[)](?: NO INHERIT)?(?: NOT VALID)?(?: NOT ENFORCED)?$')))
            when 'f' then pg_catalog.json_build_object('foreign_key', pg_catalog.json_build_object(
                'table', pg_catalog.json_build_object('schema', fn.nspname, 'name', fc.relname),
                'columns', (select pg_catalog.json_agg(fa.attname order by u.place)
                              from pg_catalog.unnest(k.confkey) with ordinality u (attnum, place)
                              join pg_catalog.pg_attribute fa on fa.attrelid = k.confrelid and fa.attnum = u.attnum),
                'on_delete', case k.confdeltype when 'a' then 'no_action' when 'r' then 'restrict' when 'c' then 'cascade'
                                  when 'n' then 'set_null' else 'set_default' end,
                'on_update', case k.confupdtype when 'a' then 'no_action' when 'r' then 'restrict' when 'c' then 'cascade'
                                  when 'n' then 'set_null' else 'set_default' end,
                'match', case k.confmatchtype when 'f' then 'full' when 'p' then 'partial' else 'simple' end))
            else pg_catalog.to_json('other'::text) end as kind,
       (select pg_catalog.json_agg(a.attname order by u.place)
          from pg_catalog.unnest(k.conkey) with ordinality u (attnum, place)
          join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.attnum) as columns,
       def.text as definition,
       k.convalidated as validated,
       true as enforced, -- before 18
       k.conenforced as enforced, -- since 18
       k.condeferrable as deferrable,
       k.condeferred as deferred,
       k.connoinherit as no_inherit,
       not k.conislocal or k.conparentid <> 0 as inherited,
       case when k.contype in ('p', 'u', 'x') then
           (select pg_catalog.to_json(i.relname) from pg_catalog.pg_class i where i.oid = k.conindid) end as index,
       d.description as comment
  from pg_catalog.pg_constraint k
  join pg_catalog.pg_class c on c.oid = k.conrelid and c.relkind in ('r', 'p', 'f')
  cross join lateral (select pg_catalog.pg_get_constraintdef(k.oid) as text offset 0) def
  left join pg_catalog.pg_class fc on fc.oid = k.confrelid
  left join pg_catalog.pg_namespace fn on fn.oid = fc.relnamespace
  left join pg_catalog.pg_description d
    on d.objoid = k.oid and d.classoid = 'pg_catalog.pg_constraint'::pg_catalog.regclass and d.objsubid = 0
 where k.conrelid >= 16384 and k.contype <> 't'
 order by k.conrelid, k.conname
