select g.tgrelid::bigint as relation,
       g.oid::bigint as oid,
       g.tgname as name,
       case when g.tgtype & 2 <> 0 then 'before' when g.tgtype & 64 <> 0 then 'instead_of' else 'after' end as timing,
       g.tgtype & 1 <> 0 as for_each_row,
       pg_catalog.array_remove(array[case when g.tgtype & 4 <> 0 then 'insert' end,
                                     case when g.tgtype & 8 <> 0 then 'delete' end,
                                     case when g.tgtype & 16 <> 0 then 'update' end,
                                     case when g.tgtype & 32 <> 0 then 'truncate' end], null) as events,
       (select pg_catalog.json_agg(a.attname order by u.place)
          from pg_catalog.unnest(g.tgattr::int2[]) with ordinality u (attnum, place)
          join pg_catalog.pg_attribute a on a.attrelid = g.tgrelid and a.attnum = u.attnum) as columns,
       case g.tgenabled when 'O' then 'origin' when 'D' then 'disabled' when 'R' then 'replica' else 'always' end as enabled,
       g.tgparentid <> 0 as inherited,
       g.tgconstraint <> 0 as is_constraint,
       pg_catalog.json_build_object('schema', pn.nspname, 'name', p.proname) as function,
       pg_catalog.pg_get_triggerdef(g.oid) as definition,
       d.description as comment
  from pg_catalog.pg_trigger g
  join pg_catalog.pg_proc p on p.oid = g.tgfoid
  join pg_catalog.pg_namespace pn on pn.oid = p.pronamespace
  left join pg_catalog.pg_description d
    on d.objoid = g.oid and d.classoid = 'pg_catalog.pg_trigger'::pg_catalog.regclass and d.objsubid = 0
 where not g.tgisinternal and g.tgrelid >= 16384
 order by g.tgrelid, g.tgname
