from __future__ import annotations

from django.conf import settings
from django.db import migrations, models


def channels_announce_here(apps, schema_editor):
    """Channels of before were told this address, as far as anybody knows."""
    apps.get_model("calendars", "Channel").objects.update(base_url=settings.KALENDS.base_url)


class Migration(migrations.Migration):
    dependencies = [("calendars", "0007_connection_invitation")]

    operations = [
        migrations.AddField(
            model_name="channel", name="base_url", field=models.CharField(blank=True, db_default="", max_length=255)
        ),
        migrations.RunPython(channels_announce_here, migrations.RunPython.noop, elidable=True),
        migrations.AddField(
            model_name="externalcalendar", name="turn_at", field=models.DateTimeField(blank=True, null=True)
        ),
        migrations.CreateModel(
            name="FeedHost",
            fields=[
                ("host", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("open_at", models.DateTimeField()),
                ("tail", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Seat",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=64)),
                ("number", models.PositiveSmallIntegerField()),
                ("holder", models.CharField(blank=True, max_length=16)),
                ("until", models.DateTimeField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("key", "number"), name="seat_once")],
            },
        ),
    ]
