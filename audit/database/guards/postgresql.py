"""Trigger and function texts for PostgreSQL.

Names are qualified and `search_path` is pinned with `pg_temp` last: temporary tables
are searched first otherwise, and one of the right name would open a guard.
"""

from __future__ import annotations

from dataclasses import dataclass

from audit.database.guards.declarations import GuardedTable, TenantTable

_REFUSE = """
BEGIN
  RAISE EXCEPTION USING errcode = '23000',
    message = format('%s %s on %s refused', tg_argv[1], tg_op, tg_argv[0]);
END
"""


@dataclass(frozen=True)
class Function:
    """A trigger function of the guards."""

    name: str
    body: str

    def statement(self, schema: str) -> str:
        """Return the statement that creates or replaces it."""
        return (
            f"CREATE OR REPLACE FUNCTION {schema}.{self.name}() RETURNS trigger "
            "LANGUAGE plpgsql SECURITY DEFINER "
            f"SET search_path = {search_path(schema)} "
            f"AS $holdfast${self.body}$holdfast$"
        )


def search_path(schema: str) -> str:
    """Return the path that every guard function runs under."""
    return f"pg_catalog, {schema}, pg_temp"


def functions(tenants: list[TenantTable], schema: str) -> list[Function]:
    """Return the functions that the triggers call."""
    parents = [Function(_parent_name(t), _parent_body(t, schema)) for t in tenants]
    return [Function("holdfast_refuse", _REFUSE), *parents]


def triggers(
    guarded: list[GuardedTable], tenants: list[TenantTable], schema: str
) -> dict[tuple[str, str], str]:
    """Return (table, trigger name) to its definition as `pg_get_triggerdef` prints it.

    Written in the server's own spelling, so that installed and declared compare as
    text.
    """
    texts: dict[tuple[str, str], str] = {}
    for t in guarded:
        on = f"ON {schema}.{t.table}"
        refusal = f"EXECUTE FUNCTION {schema}.holdfast_refuse('{t.label}', 'HF001')"
        texts[t.table, "holdfast_guard"] = (
            "CREATE TRIGGER holdfast_guard BEFORE DELETE OR UPDATE "
            f"{on} FOR EACH ROW {refusal}"
        )
        texts[t.table, "holdfast_truncate"] = (
            f"CREATE TRIGGER holdfast_truncate BEFORE TRUNCATE {on} "
            f"FOR EACH STATEMENT {refusal}"
        )
        if t.has_salt:
            texts[t.table, "holdfast_salt"] = (
                f"CREATE TRIGGER holdfast_salt BEFORE INSERT {on} FOR EACH ROW "
                "WHEN ((new.salt IS NULL)) "
                f"EXECUTE FUNCTION {schema}.holdfast_refuse('{t.label}', 'HF002')"
            )
    for tenant in tenants:
        columns = ", ".join(["business_id", *(p.column for p in tenant.parents)])
        texts[tenant.table, "holdfast_parent"] = (
            f"CREATE TRIGGER holdfast_parent BEFORE INSERT OR UPDATE OF {columns} "
            f"ON {schema}.{tenant.table} FOR EACH ROW "
            f"EXECUTE FUNCTION {schema}.{_parent_name(tenant)}()"
        )
    return texts


def _parent_name(t: TenantTable) -> str:
    return f"holdfast_parent_{t.table}"


def _parent_body(t: TenantTable, schema: str) -> str:
    strangers = [
        f"(new.{p.column} IS NOT NULL AND NOT EXISTS ("  # noqa: S608 - names of our own tables and columns
        f"SELECT 1 FROM {schema}.{p.table} p WHERE p.{p.key} = new.{p.column} "
        "AND p.business_id = new.business_id))"
        for p in t.parents
    ]
    changed = "(tg_op = 'UPDATE' AND new.business_id IS DISTINCT FROM old.business_id)"
    wrong = "\n     OR ".join([changed, *strangers])
    return f"""
BEGIN
  IF {wrong}
  THEN RAISE EXCEPTION USING errcode = '23000',
    message = 'HF003 business on {t.label} refused';
  END IF;
  RETURN new;
END
"""
