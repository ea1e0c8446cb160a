"""A connection and a calendar behind each External iCalendar URL, so that it is read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import django.db.models.deletion
from django.db import migrations, models

from kalends.core.ids import new_id

_AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)
_CAPABILITIES = {
    "push": False,
    "tags": False,
    "own_ids": False,
    "guards": False,
    "delta": True,
    "schedules_by_itself": False,
    "push_renews": False,
    "stable_ids": False,
}


def connect(apps: Any, schema_editor: Any) -> None:
    connections = apps.get_model("calendars", "CalendarConnection")
    calendars = apps.get_model("calendars", "RemoteCalendar")
    for row in apps.get_model("calendars", "ExternalCalendar").objects.filter(connection=None):
        connection = connections.objects.create(
            id=new_id(),
            company_id=row.company_id,
            staff_id=row.staff_id,
            provider="ics",
            subject=row.url_digest,
            label=row.host,
            mode="one_way",
            state="active",
            chosen_at=row.created_at,
            due_at=_AT_ONCE,
        )
        calendars.objects.create(
            id=new_id(),
            connection=connection,
            staff_id=row.staff_id,
            remote_id="feed",
            name=row.host,
            blocks=True,
            capabilities=_CAPABILITIES,
        )
        row.connection = connection
        row.save(update_fields=["connection"])


class Migration(migrations.Migration):
    dependencies = [("calendars", "0004_channels")]

    operations = [
        migrations.AddField(
            model_name="externalcalendar",
            name="connection",
            field=models.OneToOneField(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="external",
                to="calendars.calendarconnection",
            ),
        ),
        migrations.RemoveField(model_name="externalcalendar", name="checked_at"),
        migrations.RemoveField(model_name="externalcalendar", name="last_error"),
        migrations.AddIndex(
            model_name="busyspan",
            index=models.Index(
                condition=models.Q(("staff__isnull", True)),
                fields=["company", "start", "end"],
                name="busy_of_company",
            ),
        ),
        # Last: PostgreSQL alters no table with pending rows.
        migrations.RunPython(connect, migrations.RunPython.noop),
    ]
