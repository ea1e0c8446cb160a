"""Sealed columns: what must be shown or sent again is encrypted with the configured keys and can be re-keyed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from django.apps import apps
from django.conf import settings
from django.db import transaction

from kalends.core.sealing import Keyring

_sealed_columns: set[tuple[str, str]] = set()


@lru_cache(maxsize=4)
def _keyring(keys: tuple[str, ...]) -> Keyring:
    return Keyring(keys)


def keyring() -> Keyring:
    return _keyring(settings.KALENDS.encryption_keys)


def seal(plaintext: str, *, row: object, field: str) -> str:
    """`row` is the row's primary key, `field` "<model label>.<column>" or any name that is unique to the column."""
    return keyring().seal(plaintext, place=f"{row}|{field}")


def unseal(sealed: str, *, row: object, field: str) -> str:
    """Raises kalends.core.sealing.CannotUnseal."""
    return keyring().unseal(sealed, place=f"{row}|{field}")


def register_sealed(model_label: str, field: str) -> None:
    """Names a sealed column ("companies.Feed", "secret_sealed") so that `kalends keys rotate` reaches it.

    The column's values must be sealed with `row=<pk>` and `field=f"{model_label}.{field}"`.
    """
    _sealed_columns.add((model_label, field))


def sealed_columns() -> list[tuple[str, str]]:
    """Model label and column of everything that is sealed."""
    return sorted(_sealed_columns)


def of_missing_keys() -> int:
    """How many stored values no configured key opens."""
    total = 0
    for label, field in sorted(_sealed_columns):
        rows = apps.get_model(label)._default_manager.exclude(**{field: ""})
        for mark in keyring().marks():
            rows = rows.exclude(**{f"{field}__startswith": mark})
        total += rows.count()
    return total


def rotate(progress: Callable[[str, int], None]) -> int:
    """Re-seals with the writing key whatever another key sealed; returns how many. Safe to stop and to repeat."""
    total = 0
    for label, field in sorted(_sealed_columns):
        done = _rotate_column(label, field)
        progress(f"{label}.{field}", done)
        total += done
    return total


def _rotate_column(label: str, field: str) -> int:
    manager = apps.get_model(label)._default_manager
    done = 0
    for pk in manager.exclude(**{field: ""}).values_list("pk", flat=True).iterator(chunk_size=500):
        with transaction.atomic():
            sealed = manager.select_for_update().filter(pk=pk).values_list(field, flat=True).first()
            if not sealed or keyring().is_current(sealed):
                continue
            place = f"{label}.{field}"
            again = seal(unseal(sealed, row=pk, field=place), row=pk, field=place)
            # Compare-and-set: a worker that replaced the value meanwhile has already used the new key.
            done += manager.filter(pk=pk, **{field: sealed}).update(**{field: again})
    return done
