select a.attrelid::bigint as relation,
       a.attname as name,
       a.attnum as attnum,
       pg_catalog.format_type(a.atttypid, a.atttypmod) as data_type,
       a.atttypid::bigint as type_oid,
       a.attnotnull as not_null, -- before 18
       a.attnotnull and not exists (select from pg_catalog.pg_constraint k -- since 18
                                     where k.conrelid = a.attrelid and k.contype = 'n' -- since 18
                                       and not k.convalidated and k.conkey[1] = a.attnum) as not_null, -- since 18
       case when a.attgenerated = '' then pg_catalog.pg_get_expr(ad.adbin, ad.adrelid) end as "default",
       case a.attidentity when 'a' then 'always' when 'd' then 'by_default' end as identity,
       case when a.attgenerated <> '' then pg_catalog.json_build_object(
           'kind', case a.attgenerated when 's' then 'stored' else 'virtual' end,
           'expression', pg_catalog.pg_get_expr(ad.adbin, ad.adrelid)) end as generated,
       case when a.attcollation <> t.typcollation and a.attcollation <> 0
            then (select pg_catalog.quote_ident(cn.nspname) || '.' || pg_catalog.quote_ident(co.collname)
                    from pg_catalog.pg_collation co
                    join pg_catalog.pg_namespace cn on cn.oid = co.collnamespace
                   where co.oid = a.attcollation) end as collation,
       case a.attstorage when 'p' then 'plain' when 'e' then 'external' when 'm' then 'main' else 'extended' end as storage,
       case a.attcompression when 'p' then 'pglz' when 'l' then 'lz4' end as compression,
       case when a.attstattarget >= 0 then a.attstattarget::int end as statistics_target,
       a.attoptions as options,
       a.attislocal as local,
       a.attinhcount::int as inherit_count,
       case when a.attacl is not null then (
            select pg_catalog.json_agg(pg_catalog.json_build_object(
                       'grantee', r.rolname, 'privilege', x.privilege_type, 'grantable', x.is_grantable))
              from pg_catalog.aclexplode(a.attacl) x
              left join pg_catalog.pg_roles r on r.oid = x.grantee
             where x.grantee <> c.relowner) end as grants,
       d.description as comment
  from pg_catalog.pg_attribute a
  join pg_catalog.pg_class c on c.oid = a.attrelid and c.relkind in ('r', 'p', 'f', 'v', 'm')
  join pg_catalog.pg_type t on t.oid = a.atttypid
  left join pg_catalog.pg_attrdef ad on ad.adrelid = a.attrelid and ad.adnum = a.attnum and a.atthasdef
  left join pg_catalog.pg_description d
    on d.objoid = a.attrelid and d.classoid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objsubid = a.attnum
 where a.attrelid >= 16384 and a.attnum > 0 and not a.attisdropped
 order by a.attrelid, a.attnum
