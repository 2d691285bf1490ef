select pg_catalog.current_setting('server_version_num')::int as server_version,
       pg_catalog.current_database() as database,
       pg_catalog.pg_encoding_to_char(d.encoding) as encoding,
       d.datcollate as collation,
       pg_catalog.has_function_privilege('pg_catalog.pg_control_system()', 'execute') as may_read_control
  from pg_catalog.pg_database d
 where d.datname = pg_catalog.current_database()
