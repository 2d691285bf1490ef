select r.ev_class::bigint as relation,
       r.oid::bigint as oid,
       r.rulename as name,
       case r.ev_type when '1' then 'select' when '2' then 'update' when '3' then 'insert' else 'delete' end as event,
       r.is_instead as instead,
       case r.ev_enabled when 'O' then 'origin' when 'D' then 'disabled' when 'R' then 'replica' else 'always' end as enabled,
       pg_catalog.pg_get_ruledef(r.oid) as definition,
       d.description as comment
  from pg_catalog.pg_rewrite r
  left join pg_catalog.pg_description d
    on d.objoid = r.oid and d.classoid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objsubid = 0
 where r.rulename <> '_RETURN' and r.ev_class >= 16384
 order by r.ev_class, r.rulename
