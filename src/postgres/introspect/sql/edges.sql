select d.classid::bigint as class, d.objid::bigint as oid, d.objsubid as sub,
       d.refclassid::bigint as on_class, d.refobjid::bigint as on_oid, d.refobjsubid as on_sub,
       d.deptype::text as kind
  from pg_catalog.pg_depend d
 where d.refobjid >= 16384 and d.objid >= 16384
   and d.deptype in ('n', 'a', 'i', 'P', 'S')
   and d.refclassid not in ('pg_catalog.pg_namespace'::pg_catalog.regclass, 'pg_catalog.pg_type'::pg_catalog.regclass)
   and d.classid <> 'pg_catalog.pg_type'::pg_catalog.regclass
   and not (d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objsubid = 0 and d.deptype = 'i'
            and exists (select from pg_catalog.pg_class t where t.oid = d.objid and t.relkind = 't'))
