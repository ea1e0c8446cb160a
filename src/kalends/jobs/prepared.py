"""Queries whose SQL is written once and run many times: for the few that every request makes.

Django writes a query's SQL anew each time it runs, which costs several times what the database needs to answer. A
`Prepared` is made from the same queryset that would be used otherwise, with a `Given` in place of each value, so that
its rows are the queryset's rows (a test compares them); only the values are put in when it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.db.models.constants import OnConflict
from django.db.models.expressions import Expression
from django.db.models.query import ModelIterable, ValuesListIterable, get_related_populators
from django.db.models.sql import InsertQuery, Query, UpdateQuery
from django.db.models.sql.compiler import SQLCompiler

from kalends.jobs.locks import require_transaction
from kalends.jobs.stored import Stored

_FIELDS: Mapping[type, models.Field[Any, Any]] = {
    UUID: models.UUIDField(),
    str: models.TextField(),
    int: models.BigIntegerField(),
    bool: models.BooleanField(),
    datetime: models.DateTimeField(),
}


class Given(Expression):
    """A value that is known when the query runs; with `length`, a list of that many for `__in`."""

    def __init__(self, name: str, kind: type, length: int | None = None) -> None:
        super().__init__(output_field=_FIELDS[kind])
        self.name, self.length = name, length

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> Any:
        if self.length is None:
            return "%s", [_Place(self.name, None, self.output_field)]
        places = [_Place(self.name, index, self.output_field) for index in range(self.length)]
        return f"({', '.join(['%s'] * self.length)})", places


class _Place:
    """Where a value goes among the parameters."""

    def __init__(self, name: str, index: int | None, field: models.Field[Any, Any]) -> None:
        self.name, self.index, self.stored = name, index, Stored(field)

    def value(self, values: Mapping[str, Any], connection: Any) -> Any:
        given = values[self.name] if self.index is None else values[self.name][self.index]
        return self.stored.value(given, connection)


class Prepared:
    """`Prepared(build, staff=[UUID], now=datetime)` calls `build(staff=Given, now=Given)` for the queryset.

    A type in a list stands for a list of values; an empty one finds nothing. What is written is kept per length of the
    lists, for all threads.
    """

    def __init__(self, build: Callable[..., models.QuerySet[Any, Any]], **kinds: type | list[type]) -> None:
        self._build = build
        self._kinds = kinds
        self._kept: dict[Any, _Written] = {}

    def rows(self, **values: Any) -> list[Any]:
        """Model instances with what select_related names, or what values_list gives."""
        return self._run(values)[0]

    def first(self, **values: Any) -> Any | None:
        """The first row. The queryset says how many it wants: `[:1]` as a rule."""
        return next(iter(self.rows(**values)), None)

    def _run(self, values: Mapping[str, Any]) -> tuple[list[Any], int]:
        lists = {name: list(values[name]) for name, kind in self._kinds.items() if isinstance(kind, list)}
        if not all(lists.values()):
            return [], 0
        connection = connections[DEFAULT_DB_ALIAS]
        return self._written(connection, lists).run(connection, {**values, **lists})

    def _written(self, connection: Any, lists: Mapping[str, list[Any]]) -> _Written:
        lengths = {name: len(items) for name, items in lists.items()}
        key = (connection.vendor, *lengths.items())
        found = self._kept.get(key)
        if found is None:
            queryset = self._build(**{name: self._given(name, lengths) for name in self._kinds})
            found = self._kept[key] = self._write(queryset)
        return found

    def _write(self, queryset: models.QuerySet[Any, Any]) -> _Written:
        return _Written(queryset.query, queryset._iterable_class)

    def _given(self, name: str, lengths: Mapping[str, int]) -> Given:
        kind = self._kinds[name]
        return Given(name, kind[0], lengths[name]) if isinstance(kind, list) else Given(name, kind)


class PreparedUpdate(Prepared):
    """The same for `queryset.update(**change)`, where `change` may hold expressions such as F."""

    def __init__(
        self, build: Callable[..., models.QuerySet[Any, Any]], change: Mapping[str, Any], **kinds: type | list[type]
    ) -> None:
        super().__init__(build, **kinds)
        self._change = change

    def run(self, **values: Any) -> int:
        """How many rows it changed. Values for `change` are named there by a `Given` of their own."""
        return self._run(values)[1]

    def drafted(self, **values: Any) -> Change:
        """The same for `carry_out`; no list of values may be empty."""
        lists = {name: list(values[name]) for name, kind in self._kinds.items() if isinstance(kind, list)}
        connection = connections[DEFAULT_DB_ALIAS]
        written = self._written(connection, lists)
        return Change(written.sql, written.params(connection, {**values, **lists}))

    def _write(self, queryset: models.QuerySet[Any, Any]) -> _Written:
        query: Any = queryset.query.chain(UpdateQuery)
        query.add_update_values(self._change)
        return _Written(query)


class _Written:
    """One SQL text, and how its rows become what the queryset gives."""

    def __init__(self, query: Query, rows: Any = None) -> None:
        compiler = query.get_compiler(connection=connections[DEFAULT_DB_ALIAS])
        self.sql, self._params = compiler.as_sql()
        self._locks = query.select_for_update
        self._convert = compiler.apply_converters
        self._finish: Callable[[Iterable[Any]], list[Any]] | None = None
        if rows is not None:
            self._converters = compiler.get_converters([column[0] for column in compiler.select])
            self._finish = _FINISH[rows](compiler)

    def run(self, connection: Any, values: Mapping[str, Any]) -> tuple[list[Any], int]:
        """The rows; of a change how many there were."""
        if self._locks:
            # Django asks this where it writes the SQL, which is only once here.
            require_transaction()
        with connection.cursor() as cursor:
            cursor.execute(self.sql, self.params(connection, values))
            if self._finish is None:
                return [], cursor.rowcount
            rows: Iterable[Any] = cursor.fetchall()
        if self._converters:
            rows = self._convert(rows, self._converters)
        found = self._finish(rows)
        return found, len(found)

    def params(self, connection: Any, values: Mapping[str, Any]) -> list[Any]:
        return [item.value(values, connection) if isinstance(item, _Place) else item for item in self._params]


def _tuples(_compiler: SQLCompiler) -> Callable[[Iterable[Any]], list[Any]]:
    return lambda rows: [tuple(row) for row in rows]


def _instances(compiler: SQLCompiler) -> Callable[[Iterable[Any]], list[Any]]:
    """As django.db.models.query.ModelIterable does it."""
    info = compiler.klass_info
    assert info is not None
    model, places = info["model"], info["select_fields"]
    first, after = places[0], places[-1] + 1
    names = [column[0].target.attname for column in compiler.select[first:after]]
    populators = get_related_populators(info, compiler.select, DEFAULT_DB_ALIAS)  # type: ignore[call-arg]  # of a later Django

    def finish(rows: Iterable[Any]) -> list[Any]:
        made = []
        for row in rows:
            made.append(model.from_db(DEFAULT_DB_ALIAS, names, row[first:after]))
            for populator in populators:
                populator.populate(row, made[-1])
        return made

    return finish


_FINISH: Mapping[Any, Callable[[SQLCompiler], Callable[[Iterable[Any]], list[Any]]]] = {
    ModelIterable: _instances,
    ValuesListIterable: _tuples,
}


_inserts: dict[tuple[type[models.Model], str, bool], tuple[str, list[tuple[models.Field[Any, Any], Stored]]]] = {}


class Change:
    """SQL that changes rows, with its values: to be carried out together with others."""

    def __init__(self, sql: str, values: Sequence[Any]) -> None:
        self.sql, self.values = sql, values

    def done(self, count: int) -> None:
        """Told how many rows it changed."""


class Insertion(Change):
    """`row.save(force_insert=True)` for a row whose key is set already, with its values written down now, so that a
    transaction need only carry it out. No signals are sent. `unless_there`: a row that a constraint refuses is left out.
    """

    def __init__(self, row: models.Model, *, unless_there: bool = False) -> None:
        connection = connections[DEFAULT_DB_ALIAS]
        key = (type(row), connection.vendor, unless_there)
        if key not in _inserts:
            fields = row._meta.local_concrete_fields
            query = InsertQuery(type(row), on_conflict=OnConflict.IGNORE if unless_there else None)
            query.insert_values(fields, [row])
            sql = query.get_compiler(connection=connection).as_sql()[0][0]
            _inserts[key] = sql, [(field, Stored(field)) for field in fields]
        self.row = row
        sql, columns = _inserts[key]
        super().__init__(sql, [stored.value(field.pre_save(row, add=True), connection) for field, stored in columns])

    def done(self, count: int) -> None:
        self.row._state.adding, self.row._state.db = not count, DEFAULT_DB_ALIAS


def carry_out(changes: Sequence[Change]) -> list[int]:
    """How many rows each of them changed. PostgreSQL is asked once for all of them, which is most of what they cost.

    None may need what another one writes: the order is the database's. Foreign keys are looked at when the transaction
    ends.
    """
    connection = connections[DEFAULT_DB_ALIAS]
    with connection.cursor() as cursor, transaction.mark_for_rollback_on_error(DEFAULT_DB_ALIAS):
        if connection.vendor == "postgresql" and len(changes) > 1:
            counts = _in_one_statement(cursor, changes)
        else:
            counts = [_alone(cursor, change) for change in changes]
    for change, count in zip(changes, counts, strict=True):
        change.done(count)
    return counts


def _alone(cursor: Any, change: Change) -> int:
    cursor.execute(change.sql, change.values)
    return int(cursor.rowcount)


def _in_one_statement(cursor: Any, changes: Sequence[Change]) -> list[int]:
    cursor.execute(
        _joined(tuple(change.sql for change in changes)), [value for change in changes for value in change.values]
    )
    return list(cursor.fetchone())


@lru_cache(maxsize=256)
def _joined(texts: tuple[str, ...]) -> str:
    named = ", ".join(f"part{number} AS ({text} RETURNING 1)" for number, text in enumerate(texts))
    counted = ", ".join(f"(SELECT count(*) FROM part{number})" for number in range(len(texts)))  # noqa: S608
    return f"WITH {named} SELECT {counted}"


def insert(row: models.Model) -> None:
    """An Insertion that is carried out at once."""
    carry_out([Insertion(row)])
