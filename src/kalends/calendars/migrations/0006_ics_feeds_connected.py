"""No External iCalendar URL without its connection. Apart from 0005: PostgreSQL alters no table with pending rows."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("calendars", "0005_ics_feeds")]

    operations = [
        migrations.AlterField(
            model_name="externalcalendar",
            name="connection",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="external",
                to="calendars.calendarconnection",
            ),
        ),
    ]
