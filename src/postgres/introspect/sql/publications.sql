select p.oid::bigint as oid,
       p.pubname as name,
       pg_catalog.pg_get_userbyid(p.pubowner) as owner,
       p.puballtables as all_tables,
       p.pubinsert as publishes_insert,
       p.pubupdate as publishes_update,
       p.pubdelete as publishes_delete,
       p.pubtruncate as publishes_truncate,
       p.pubviaroot as via_root,
       null as generated_columns, -- before 18
       case p.pubgencols when 's' then 'stored' else 'none' end as generated_columns, -- since 18
       (select pg_catalog.json_agg(sn.nspname order by sn.nspname) -- since 15
          from pg_catalog.pg_publication_namespace s -- since 15
          join pg_catalog.pg_namespace sn on sn.oid = s.pnnspid -- since 15
         where s.pnpubid = p.oid) as schemas, -- since 15
       (select pg_catalog.json_agg(pg_catalog.json_build_object(
                   'table', pg_catalog.json_build_object('schema', n.nspname, 'name', c.relname)
                   , 'columns', (select pg_catalog.json_agg(a.attname order by a.attname) -- since 15
                                   from pg_catalog.pg_attribute a -- since 15
                                  where a.attrelid = c.oid and a.attnum = any (r.prattrs)) -- since 15
                   , 'row_filter', pg_catalog.pg_get_expr(r.prqual, r.prrelid) -- since 15
               ) order by n.nspname, c.relname)
          from pg_catalog.pg_publication_rel r
          join pg_catalog.pg_class c on c.oid = r.prrelid
          join pg_catalog.pg_namespace n on n.oid = c.relnamespace
         where r.prpubid = p.oid) as tables,
       d.description as comment
  from pg_catalog.pg_publication p
  left join pg_catalog.pg_description d
    on d.objoid = p.oid and d.classoid = 'pg_catalog.pg_publication'::pg_catalog.regclass and d.objsubid = 0
