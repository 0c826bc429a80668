"""The questions to PostgreSQL's own catalogue, all about the schema in use.

Members of extensions are counted and not listed. Left out besides: what the server or
an operator tunes (storage, statistics, time limits), and who granted a right, which a
restored copy does not keep.
"""

from __future__ import annotations

import re

from django.db.backends.utils import CursorWrapper


def definitions(cursor: CursorWrapper) -> list[tuple[str, str]]:
    """Return (what, how) for everything; run it in a transaction."""
    cursor.execute(
        "SELECT n.oid::int8, n.nspname, current_setting('search_path') "
        "FROM pg_namespace n WHERE n.nspname = current_schema()"
    )
    schema, name, path = cursor.fetchone()
    # The server prints names by the search path of the connection.
    cursor.execute(
        "SELECT set_config('search_path', quote_ident(%s) || ', pg_temp', true)", [name]
    )
    pairs: list[tuple[str, str]] = []
    for question in _QUESTIONS:
        cursor.execute(question, {"schema": schema})
        pairs += cursor.fetchall()
    cursor.execute("SELECT set_config('search_path', %s, true)", [path])
    return [(what, _as_restored(how)) for what, how in pairs]


def _as_restored(text: str) -> str:
    """Return an expression as the server prints it, before and after a restore.

    It prints `x IN ('a', 'b')` of a varchar column with a cast of the list, reads that,
    and prints a cast of each member from then on.
    """
    text = _CAST_MEMBER.sub(r"\1", text)
    return _CAST_LIST.sub(r"\1", text)


_TEXT = r"E?'(?:[^']|'')*'::character varying"
_CAST_MEMBER = re.compile(rf"\(({_TEXT})\)::text")
_CAST_LIST = re.compile(rf"\((ARRAY\[{_TEXT}(?:, {_TEXT})*\])\)::text\[\]")


def _digest(text: str) -> str:
    return f"left(encode(sha256(convert_to({text}, 'UTF8')), 'hex'), 32)"


def _no_member(catalogue: str, oid: str) -> str:
    return (
        "NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.deptype = 'e' "  # noqa: S608 - made of constants of this module, no value of a caller
        f"AND d.classid = '{catalogue}'::regclass AND d.objid = {oid})"
    )


def _permissions(acl: str) -> str:
    """Return a query for (who, what) of an access list."""
    return (
        "SELECT coalesce(r.rolname, 'PUBLIC') AS who, string_agg(a.privilege_type "  # noqa: S608 - made of constants of this module, no value of a caller
        "|| CASE WHEN a.is_grantable THEN ' with grant option' ELSE '' END, ', ' "
        f"ORDER BY a.privilege_type) AS what FROM aclexplode({acl}) a "
        "LEFT JOIN pg_roles r ON r.oid = a.grantee GROUP BY 1"
    )


_TABLES = f"""
SELECT CASE WHEN c.relkind IN ('r', 'p') THEN 'table '
            WHEN c.relkind = 'S' THEN 'sequence '
            WHEN c.relkind IN ('v', 'm') THEN 'view '
            WHEN c.relkind = 'f' THEN 'table ' ELSE 'type ' END || c.relname,
       concat_ws(', ', 'kind ' || c.relkind::text, 'kept ' || c.relpersistence::text,
         a.amname, 'owner ' || pg_get_userbyid(c.relowner),
         CASE WHEN c.relrowsecurity THEN 'row security' END,
         CASE WHEN c.relforcerowsecurity THEN 'forced' END,
         CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END,
         CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END,
         CASE WHEN c.relkind IN ('v', 'm') THEN
           concat_ws(', ', c.reloptions::text, pg_get_viewdef(c.oid)) END,
         (SELECT concat_ws(' ', format_type(s.seqtypid, NULL), s.seqstart,
            s.seqincrement, s.seqmin, s.seqmax, s.seqcache, s.seqcycle)
          FROM pg_sequence s WHERE s.seqrelid = c.oid),
         (SELECT concat_ws(' ', fs.srvname, ft.ftoptions::text)
          FROM pg_foreign_table ft JOIN pg_foreign_server fs ON fs.oid = ft.ftserver
          WHERE ft.ftrelid = c.oid))
FROM pg_class c LEFT JOIN pg_am a ON a.oid = c.relam
WHERE c.relnamespace = %(schema)s AND c.relkind NOT IN ('i', 'I', 't')
  AND {_no_member("pg_class", "c.oid")}
"""  # noqa: S608 - made of constants of this module, no value of a caller

_COLUMNS = """
SELECT 'column ' || c.relname || '.' || a.attname,
       concat_ws(', ', format_type(a.atttypid, a.atttypmod),
         CASE WHEN a.attnotnull THEN 'not null' END,
         'default ' || pg_get_expr(d.adbin, d.adrelid),
         'identity ' || nullif(a.attidentity::text, ''),
         'generated ' || nullif(a.attgenerated::text, ''),
         CASE WHEN a.attcollation <> t.typcollation THEN
           'collation ' || a.attcollation::regcollation::text END,
         CASE WHEN a.attinhcount > 0 THEN 'inherited' END)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relnamespace = %(schema)s AND c.relkind IN ('r', 'p', 'f', 'c')
  AND a.attnum > 0 AND NOT a.attisdropped
"""

# Two columns that changed their names with each other differ in their places alone.
_COLUMN_ORDER = """
SELECT 'columns ' || c.relname, string_agg(a.attname, ', ' ORDER BY a.attnum)
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relnamespace = %(schema)s AND c.relkind IN ('r', 'p', 'f', 'c')
  AND a.attnum > 0 AND NOT a.attisdropped
GROUP BY c.relname
"""

_CONSTRAINTS = """
SELECT 'constraint ' || coalesce(c.relname, format_type(k.contypid, NULL)) || '.'
         || k.conname, pg_get_constraintdef(k.oid)
FROM pg_constraint k LEFT JOIN pg_class c ON c.oid = k.conrelid
WHERE coalesce(c.relnamespace, k.connamespace) = %(schema)s
"""

_INDEXES = """
SELECT 'index ' || c.relname || '.' || i.relname,
       concat_ws(', ', pg_get_indexdef(i.oid),
         CASE WHEN NOT (x.indisvalid AND x.indisready AND x.indislive) THEN 'not valid'
         END, CASE WHEN NOT x.indimmediate THEN 'deferred' END)
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_class c ON c.oid = x.indrelid
WHERE c.relnamespace = %(schema)s AND c.relkind <> 't'
"""

_RULES = """
SELECT 'rule ' || c.relname || '.' || r.rulename,
       'enabled ' || r.ev_enabled::text || ', ' || pg_get_ruledef(r.oid)
FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class
WHERE c.relnamespace = %(schema)s AND r.rulename <> '_RETURN'
"""

_INHERITANCE = """
SELECT concat('inheritance ', i.inhparent::regclass, '.', i.inhrelid::regclass),
       'rows of the second are shown as rows of the first'
FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
JOIN pg_class c ON c.oid = i.inhrelid
WHERE p.relkind IN ('r', 'p', 'f') AND %(schema)s IN (p.relnamespace, c.relnamespace)
"""

_POLICIES = """
SELECT 'policy ' || c.relname || '.' || p.polname,
       concat_ws(', ', 'for ' || p.polcmd::text,
         CASE WHEN p.polpermissive THEN 'permissive' ELSE 'restrictive' END,
         (SELECT 'to ' || string_agg(coalesce(r.rolname, 'PUBLIC'), ', '
            ORDER BY r.rolname) FROM unnest(p.polroles) x(role)
            LEFT JOIN pg_roles r ON r.oid = x.role),
         'using ' || pg_get_expr(p.polqual, p.polrelid),
         'check ' || pg_get_expr(p.polwithcheck, p.polrelid))
FROM pg_policy p JOIN pg_class c ON c.oid = p.polrelid
WHERE c.relnamespace = %(schema)s
"""

# Those that hold a foreign key have no lasting name; said only where one is off.
_TRIGGERS = """
SELECT 'trigger ' || c.relname || '.' || t.tgname,
       'enabled ' || t.tgenabled::text || ', ' || pg_get_triggerdef(t.oid)
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = %(schema)s AND NOT t.tgisinternal
UNION ALL
SELECT concat('trigger ', c.relname, '.', k.conname, ' (', t.tgfoid::regproc, ')'),
       'enabled ' || string_agg(t.tgenabled::text, ', ')
FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
JOIN pg_constraint k ON k.oid = t.tgconstraint
WHERE c.relnamespace = %(schema)s AND t.tgisinternal AND t.tgenabled <> 'O'
GROUP BY c.relname, k.conname, t.tgfoid
"""

_FUNCTIONS = f"""
SELECT 'function ' || p.oid::regprocedure::text,
       concat_ws(', ', 'owner ' || pg_get_userbyid(p.proowner), CASE p.prokind
         WHEN 'a' THEN (SELECT 'aggregate ' || a.aggtransfn::text || ' '
           || a.aggfinalfn::text FROM pg_aggregate a WHERE a.aggfnoid = p.oid)
         ELSE 'text ' || {_digest("pg_get_functiondef(p.oid)")} END)
FROM pg_proc p
WHERE (p.pronamespace = %(schema)s
       OR p.oid IN (SELECT evtfoid FROM pg_event_trigger)
       OR p.oid IN (SELECT t.tgfoid FROM pg_trigger t JOIN pg_class c
                    ON c.oid = t.tgrelid
                    WHERE c.relnamespace = %(schema)s AND NOT t.tgisinternal))
  AND {_no_member("pg_proc", "p.oid")}
"""  # noqa: S608 - made of constants of this module, no value of a caller

# An operator of the types of a column comes before the one of the system.
_TYPES = f"""
SELECT 'type ' || t.typname,
       concat_ws(', ', 'kind ' || t.typtype::text,
         'owner ' || pg_get_userbyid(t.typowner),
         nullif(format_type(t.typbasetype, t.typtypmod), '-'), t.typdefault,
         (SELECT string_agg(e.enumlabel, ' ' ORDER BY e.enumsortorder)
          FROM pg_enum e WHERE e.enumtypid = t.oid))
FROM pg_type t
WHERE t.typnamespace = %(schema)s AND t.typrelid = 0 AND t.typelem = 0
  AND {_no_member("pg_type", "t.oid")}
UNION ALL
SELECT 'operator ' || o.oid::regoperator::text,
       o.oprcode::text || ', owner ' || pg_get_userbyid(o.oprowner)
FROM pg_operator o
WHERE o.oprnamespace = %(schema)s AND {_no_member("pg_operator", "o.oid")}
UNION ALL
SELECT 'cast ' || format_type(k.castsource, NULL) || ' as '
         || format_type(k.casttarget, NULL),
       concat_ws(' ', k.castfunc::regproc::text, k.castcontext, k.castmethod)
FROM pg_cast k WHERE k.oid >= 16384 AND {_no_member("pg_cast", "k.oid")}
UNION ALL
SELECT 'extension ' || e.extname, count(d.objid) || ' members'
FROM pg_extension e LEFT JOIN pg_depend d ON d.refobjid = e.oid AND d.deptype = 'e'
  AND d.refclassid = 'pg_extension'::regclass
GROUP BY e.extname
"""  # noqa: S608 - made of constants of this module, no value of a caller

_TABLE_ACL = """coalesce(c.relacl, acldefault(
  CASE c.relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, c.relowner))"""
_PERMISSIONS = f"""
SELECT 'rights ' || c.relname || '.' || g.who, g.what
FROM pg_class c, LATERAL ({_permissions(_TABLE_ACL)}) g
WHERE c.relnamespace = %(schema)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  AND {_no_member("pg_class", "c.oid")}
UNION ALL
SELECT 'rights ' || c.relname || '.' || a.attname || '.' || g.who, g.what
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid,
LATERAL ({_permissions("a.attacl")}) g
WHERE c.relnamespace = %(schema)s AND a.attacl IS NOT NULL AND NOT a.attisdropped
UNION ALL
SELECT 'rights ' || p.oid::regprocedure::text || '.' || g.who, g.what
FROM pg_proc p,
LATERAL ({_permissions("coalesce(p.proacl, acldefault('f', p.proowner))")}) g
WHERE p.pronamespace = %(schema)s AND {_no_member("pg_proc", "p.oid")}
UNION ALL
SELECT 'rights of the schema.' || g.who, g.what
FROM pg_namespace n,
LATERAL ({_permissions("coalesce(n.nspacl, acldefault('n', n.nspowner))")}) g
WHERE n.oid = %(schema)s
UNION ALL
SELECT 'rights of the database.' || g.who, g.what
FROM pg_database b,
LATERAL ({_permissions("coalesce(b.datacl, acldefault('d', b.datdba))")}) g
WHERE b.datname = current_database()
UNION ALL
SELECT concat_ws(' ', 'rights by default of', pg_get_userbyid(f.defaclrole),
         CASE f.defaclnamespace WHEN 0 THEN 'everywhere' END,
         f.defaclobjtype::text || '.' || g.who), g.what
FROM pg_default_acl f, LATERAL ({_permissions("f.defaclacl")}) g
WHERE f.defaclnamespace IN (0, %(schema)s)
UNION ALL
SELECT 'schema', n.nspname || ', owner ' || pg_get_userbyid(n.nspowner)
FROM pg_namespace n WHERE n.oid = %(schema)s
"""  # noqa: S608 - made of constants of this module, no value of a caller

_EVENT_TRIGGERS = """
SELECT 'event trigger ' || e.evtname,
       concat_ws(', ', 'enabled ' || e.evtenabled::text, e.evtevent, e.evttags::text,
         e.evtfoid::regproc::text)
FROM pg_event_trigger e
"""

# The roles that own our tables or have rights on them. docs/operate.md lets an operator
# set limits of time for them; the rest may change what a statement means.
_ROLES = """
WITH ours AS (
  SELECT c.relowner AS oid FROM pg_class c WHERE c.relnamespace = %(schema)s
  UNION SELECT a.grantee FROM pg_class c, aclexplode(c.relacl) a
  WHERE c.relnamespace = %(schema)s AND a.grantee <> 0)
SELECT 'role ' || r.rolname, concat_ws(', ', CASE WHEN r.rolsuper THEN 'superuser' END,
         CASE WHEN r.rolbypassrls THEN 'passes by row security' END,
         CASE WHEN r.rolcreaterole THEN 'makes roles' END,
         CASE WHEN r.rolreplication THEN 'replication' END)
FROM pg_roles r JOIN ours USING (oid)
UNION ALL
SELECT 'member ' || r.rolname || '.' || m.rolname, 'has the rights of the first'
FROM pg_auth_members x JOIN ours ON ours.oid = x.roleid
JOIN pg_roles r ON r.oid = x.roleid JOIN pg_roles m ON m.oid = x.member
UNION ALL
SELECT concat_ws(' ', 'setting of', coalesce(r.rolname, 'every role'),
         CASE WHEN s.setdatabase = 0 THEN 'everywhere' ELSE 'here' END)
         || '.' || split_part(v, '=', 1), substr(v, strpos(v, '=') + 1)
FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole,
unnest(s.setconfig) v
WHERE (s.setdatabase = (SELECT oid FROM pg_database
                        WHERE datname = current_database())
       OR s.setdatabase = 0 AND (s.setrole = 0 OR s.setrole IN (SELECT oid FROM ours)))
  AND split_part(v, '=', 1) NOT LIKE '%%\\_timeout'
"""

_QUESTIONS = (
    _TABLES,
    _COLUMNS,
    _COLUMN_ORDER,
    _CONSTRAINTS,
    _INDEXES,
    _RULES,
    _INHERITANCE,
    _POLICIES,
    _TRIGGERS,
    _FUNCTIONS,
    _TYPES,
    _PERMISSIONS,
    _EVENT_TRIGGERS,
    _ROLES,
)
