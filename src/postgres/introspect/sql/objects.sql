select d.classid::bigint as class, d.objid::bigint as oid, d.objsubid as sub,
       case when d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and d.objsubid > 0 then 'column'
            when d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass then
                 case c.relkind when 'i' then 'index' when 'I' then 'index' when 'v' then 'view'
                      when 'm' then 'materialized_view' when 'S' then 'sequence' else 'table' end
            when d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass then
                 case k.contype when 'p' then 'primary_key' when 'u' then 'unique' when 'c' then 'check'
                      when 'f' then 'foreign_key' when 'x' then 'exclusion' when 'n' then 'not_null' else 'other' end
            when d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass then 'rule'
            when d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass then 'trigger'
            when d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass then 'policy'
            when d.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass then 'statistics'
            when d.classid = 'pg_catalog.pg_publication_rel'::pg_catalog.regclass then 'publication'
            when d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass then 'function'
            else 'other' end as kind,
       coalesce(a.attname, c.relname, k.conname, g.tgname, r.rulename, p.polname, s.stxname, f.proname, pub.pubname)::text as name,
       coalesce(k.conrelid, g.tgrelid, r.ev_class, p.polrelid, s.stxrelid, pr.prrelid, ix.indrelid,
                case when d.objsubid > 0 then c.oid end)::bigint as relation,
       nullif(k.confrelid, 0)::bigint as referenced,
       case when c.relkind in ('i', 'I') or k.contype <> 'f' then null -- described on this side: they are too many
            else pg_catalog.pg_describe_object(d.classid, d.objid, d.objsubid) end as description
  from (select distinct classid, objid, objsubid from pg_catalog.pg_depend
         where refobjid >= 16384 and objid >= 16384 and deptype in ('n', 'a', 'i', 'P', 'S')
           and refclassid not in ('pg_catalog.pg_namespace'::pg_catalog.regclass, 'pg_catalog.pg_type'::pg_catalog.regclass)
           and classid not in ('pg_catalog.pg_type'::pg_catalog.regclass, 'pg_catalog.pg_attrdef'::pg_catalog.regclass)) d
  left join pg_catalog.pg_class c on d.classid = 'pg_catalog.pg_class'::pg_catalog.regclass and c.oid = d.objid
  left join pg_catalog.pg_attribute a on d.objsubid > 0 and a.attrelid = c.oid and a.attnum = d.objsubid
  left join pg_catalog.pg_index ix on ix.indexrelid = c.oid
  left join pg_catalog.pg_constraint k on d.classid = 'pg_catalog.pg_constraint'::pg_catalog.regclass and k.oid = d.objid
  left join pg_catalog.pg_trigger g on d.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass and g.oid = d.objid
  left join pg_catalog.pg_rewrite r on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and r.oid = d.objid
  left join pg_catalog.pg_policy p on d.classid = 'pg_catalog.pg_policy'::pg_catalog.regclass and p.oid = d.objid
  left join pg_catalog.pg_statistic_ext s on d.classid = 'pg_catalog.pg_statistic_ext'::pg_catalog.regclass and s.oid = d.objid
  left join pg_catalog.pg_proc f on d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass and f.oid = d.objid
  left join pg_catalog.pg_publication_rel pr
    on d.classid = 'pg_catalog.pg_publication_rel'::pg_catalog.regclass and pr.oid = d.objid
  left join pg_catalog.pg_publication pub on pub.oid = pr.prpubid
 where c.relkind is distinct from 't'
