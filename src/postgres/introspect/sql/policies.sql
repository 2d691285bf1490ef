select p.polrelid::bigint as relation,
       p.oid::bigint as oid,
       p.polname as name,
       p.polpermissive as permissive,
       case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end as command,
       (select pg_catalog.json_agg(r.rolname order by r.rolname)
          from pg_catalog.unnest(p.polroles) u (role)
          left join pg_catalog.pg_roles r on r.oid = u.role) as roles,
       pg_catalog.pg_get_expr(p.polqual, p.polrelid) as "using",
       pg_catalog.pg_get_expr(p.polwithcheck, p.polrelid) as "check",
       d.description as comment
  from pg_catalog.pg_policy p
  left join pg_catalog.pg_description d
    on d.objoid = p.oid and d.classoid = 'pg_catalog.pg_policy'::pg_catalog.regclass and d.objsubid = 0
 where p.polrelid >= 16384
 order by p.polrelid, p.polname
