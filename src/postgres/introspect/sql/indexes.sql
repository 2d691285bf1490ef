select i.indrelid::bigint as relation,
       i.indexrelid::bigint as oid,
       c.relname as name,
       am.amname as method,
       i.indisunique as "unique",
       i.indisprimary as "primary",
       i.indisvalid as valid,
       i.indisready as ready,
       i.indisclustered as clustered,
       i.indisreplident as replica_identity,
       i.indimmediate as immediate,
       false as nulls_not_distinct, -- before 15
       i.indnullsnotdistinct as nulls_not_distinct, -- since 15
       pg_catalog.pg_get_expr(i.indpred, i.indrelid) as predicate,
       pg_catalog.pg_get_indexdef(i.indexrelid) as definition,
       col.keys as columns,
       col.included,
       (select pg_catalog.to_json(k.conname) from pg_catalog.pg_constraint k
         where k.conindid = i.indexrelid and k.conrelid = i.indrelid and k.contype in ('p', 'u', 'x') limit 1) as "constraint",
       (select pg_catalog.json_build_object('schema', pn.nspname, 'name', p.relname)
          from pg_catalog.pg_inherits h
          join pg_catalog.pg_class p on p.oid = h.inhparent
          join pg_catalog.pg_namespace pn on pn.oid = p.relnamespace
         where h.inhrelid = i.indexrelid limit 1) as parent,
       c.reloptions as options,
       ts.spcname as tablespace,
       c.reltuples::float8 as reltuples,
       greatest(c.relpages, 0)::bigint as relpages,
       case when c.relkind = 'i' then pg_catalog.pg_relation_size(c.oid) end as bytes,
       d.description as comment
  from pg_catalog.pg_index i
  join pg_catalog.pg_class c on c.oid = i.indexrelid
  join pg_catalog.pg_class t on t.oid = i.indrelid and t.relkind in ('r', 'p', 'm')
  join pg_catalog.pg_am am on am.oid = c.relam
  left join pg_catalog.pg_tablespace ts on ts.oid = c.reltablespace
  left join pg_catalog.pg_description d
    on d.objoid = c.oid and d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objsubid = 0
  cross join lateral (
       select pg_catalog.json_agg(a.attname order by u.place) filter (where u.place > i.indnkeyatts) as included,
              pg_catalog.json_agg(pg_catalog.json_build_object(
                  'key', case when u.attnum <> 0 then pg_catalog.json_build_object('column', a.attname)
                              else pg_catalog.json_build_object('expression',
                                       pg_catalog.pg_get_indexdef(i.indexrelid, u.place::int, false)) end,
                  'opclass', case when o.opcdefault then null
                                  else pg_catalog.quote_ident(opn.nspname) || '.' || pg_catalog.quote_ident(o.opcname) end,
                  'collation', case when u.attnum <> 0 and u.coll <> 0 and u.coll <> a.attcollation
                                    then (select pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(co.collname)
                                            from pg_catalog.pg_collation co
                                            join pg_catalog.pg_namespace cn on cn.oid = co.collnamespace
                                           where co.oid = u.coll) end,
                  'descending', u.opt & 1 = 1,
                  'nulls_first', u.opt & 2 = 2)
                  order by u.place) filter (where u.place <= i.indnkeyatts) as keys
         from rows from (pg_catalog.unnest(i.indkey::int2[]), pg_catalog.unnest(i.indclass::oid[]),
                         pg_catalog.unnest(i.indcollation::oid[]), pg_catalog.unnest(i.indoption::int2[]))
              with ordinality u (attnum, class, coll, opt, place)
         left join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = u.attnum
         left join pg_catalog.pg_opclass o on o.oid = u.class
         left join pg_catalog.pg_namespace opn on opn.oid = o.opcnamespace) col
 where i.indrelid >= 16384 and i.indislive
 order by i.indrelid, c.relname
