"""Trigger texts for SQLite.

`INSERT OR REPLACE` removes a row without firing its DELETE trigger, by any unique key
and by the hidden `rowid`; so the INSERT trigger looks for each of them.
"""

from __future__ import annotations

from audit.database.guards.declarations import GuardedTable, TenantTable


def triggers(
    guarded: list[GuardedTable], tenants: list[TenantTable]
) -> dict[tuple[str, str], str]:
    """Return (table, trigger name) to the exact statement that creates it."""
    texts: dict[tuple[str, str], str] = {}
    for table in guarded:
        texts |= _append_only(table)
    for tenant in tenants:
        texts |= _same_business(tenant)
    return texts


def _append_only(t: GuardedTable) -> dict[tuple[str, str], str]:
    texts = {}
    for operation in ("UPDATE", "DELETE"):
        name = f"holdfast_{operation.lower()}_{t.table}"
        texts[t.table, name] = (
            f'CREATE TRIGGER "{name}" BEFORE {operation} ON "{t.table}" BEGIN '
            f"SELECT RAISE(ABORT, 'HF001 {operation} on {t.label} refused'); END"
        )
    name = f"holdfast_insert_{t.table}"
    steps = []
    if t.has_salt:
        steps.append(
            f"SELECT RAISE(ABORT, 'HF002 INSERT on {t.label} refused') "
            "WHERE NEW.salt IS NULL;"
        )
    if t.dedupe:
        repeat = _exists(t.table, [t.dedupe], t.apart)
        steps.append(f"SELECT RAISE(IGNORE) WHERE {repeat};")
    others = [key for key in t.unique if key != t.dedupe]
    steps.append(
        f"SELECT RAISE(ABORT, 'HF001 REPLACE on {t.label} refused') "
        f"WHERE {_exists(t.table, [*others, ('rowid',)])};"
    )
    texts[t.table, name] = (
        f'CREATE TRIGGER "{name}" BEFORE INSERT ON "{t.table}" BEGIN '
        f"{' '.join(steps)} END"
    )
    return texts


def _exists(
    table: str, keys: list[tuple[str, ...]], apart: tuple[str, str] | None = None
) -> str:
    # One look-up for each key: SQLite does not use an index across OR with rowid.
    looks = []
    for key in keys:
        equal = " AND ".join(f'"{c}" = NEW."{c}"' for c in key)
        if apart:
            column, value = apart
            equal += f""" AND ("{column}" = '{value}') = (NEW."{column}" = '{value}')"""
        looks.append(f'EXISTS (SELECT 1 FROM "{table}" WHERE {equal})')  # noqa: S608 - names of our own tables and columns
    return " OR ".join(looks)


def _same_business(t: TenantTable) -> dict[tuple[str, str], str]:
    refuse = f"SELECT RAISE(ABORT, 'HF003 business on {t.label} refused'); END"
    strangers = [
        f'(NEW."{p.column}" IS NOT NULL AND NOT EXISTS (SELECT 1 FROM "{p.table}" '  # noqa: S608 - names of our own tables and columns
        f'WHERE "{p.key}" = NEW."{p.column}" AND business_id = NEW.business_id))'
        for p in t.parents
    ]
    texts = {}
    if strangers:
        name = f"holdfast_parent_insert_{t.table}"
        texts[t.table, name] = (
            f'CREATE TRIGGER "{name}" BEFORE INSERT ON "{t.table}" '
            f"WHEN {' OR '.join(strangers)} BEGIN {refuse}"
        )
    name = f"holdfast_parent_update_{t.table}"
    columns = ", ".join(
        f'"{c}"' for c in ["business_id", *(p.column for p in t.parents)]
    )
    changed = "NEW.business_id IS NOT OLD.business_id"
    texts[t.table, name] = (
        f'CREATE TRIGGER "{name}" BEFORE UPDATE OF {columns} ON "{t.table}" '
        f"WHEN {' OR '.join([changed, *strangers])} BEGIN {refuse}"
    )
    return texts
