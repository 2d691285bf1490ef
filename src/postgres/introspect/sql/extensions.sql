select x.extname as name,
       n.nspname as schema,
       x.extversion as version,
       pg_catalog.pg_get_userbyid(x.extowner) as owner
  from pg_catalog.pg_extension x
  join pg_catalog.pg_namespace n on n.oid = x.extnamespace
