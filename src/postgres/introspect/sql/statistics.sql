select s.stxrelid::bigint as relation,
       s.oid::bigint as oid,
       pg_catalog.json_build_object('schema', n.nspname, 'name', s.stxname) as name,
       (select pg_catalog.json_agg(a.attname order by u.place)
          from pg_catalog.unnest(s.stxkeys::int2[]) with ordinality u (attnum, place)
          join pg_catalog.pg_attribute a on a.attrelid = s.stxrelid and a.attnum = u.attnum) as columns,
       pg_catalog.pg_get_statisticsobjdef_expressions(s.oid) as expressions,
       (select pg_catalog.json_agg(case k when 'd' then 'ndistinct' when 'f' then 'dependencies' when 'm' then 'mcv'
                                          else 'expressions' end order by k)
          from pg_catalog.unnest(s.stxkind) k) as kinds,
       case when s.stxstattarget >= 0 then s.stxstattarget::int end as target,
       pg_catalog.pg_get_userbyid(s.stxowner) as owner,
       pg_catalog.pg_get_statisticsobjdef(s.oid) as definition,
       d.description as comment
  from pg_catalog.pg_statistic_ext s
  join pg_catalog.pg_namespace n on n.oid = s.stxnamespace
  left join pg_catalog.pg_description d
    on d.objoid = s.oid and d.classoid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass and d.objsubid = 0
 where s.stxrelid >= 16384
 order by s.stxrelid, s.stxname
