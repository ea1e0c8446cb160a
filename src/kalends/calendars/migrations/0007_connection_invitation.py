from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


def connections_in_the_making(apps, schema_editor):
    """Until now the invitation knew the connection that was last begun by it."""
    connections = apps.get_model("calendars", "CalendarConnection")
    open_ones = apps.get_model("calendars", "Invitation").objects.filter(used_at=None).exclude(connection=None)
    for invitation in open_ones:
        connections.objects.filter(pk=invitation.connection_id).update(invitation=invitation)
    open_ones.update(connection=None)


class Migration(migrations.Migration):
    dependencies = [("calendars", "0006_ics_feeds_connected")]

    operations = [
        migrations.AddField(
            model_name="calendarconnection",
            name="invitation",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="begun",
                to="calendars.invitation",
            ),
        ),
        migrations.RunPython(connections_in_the_making, migrations.RunPython.noop, elidable=True),
    ]
