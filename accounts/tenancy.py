"""Foreign keys between tenant rows are composite, (team, id): the database itself refuses to cross teams."""

from django.db import migrations


def composite_key(table: str, column: str, target: str, on_delete: str = "CASCADE") -> migrations.RunSQL:
    """A migration step: (team_id, column) of `table` references (team_id, id) of `target`.

    `on_delete` is CASCADE, or SET NULL (of the column alone, PostgreSQL 15).
    """
    action = f"SET NULL ({column})" if on_delete == "SET NULL" else on_delete
    name = f"{table}_team_{column}_fk"
    return migrations.RunSQL(
        f"ALTER TABLE {table} ADD CONSTRAINT {name} FOREIGN KEY (team_id, {column})"
        f" REFERENCES {target} (team_id, id) ON DELETE {action} DEFERRABLE INITIALLY IMMEDIATE",
        f"ALTER TABLE {table} DROP CONSTRAINT {name}",
    )
