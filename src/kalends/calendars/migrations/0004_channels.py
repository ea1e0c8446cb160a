from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import kalends.core.ids


class Migration(migrations.Migration):
    dependencies = [
        ("calendars", "0003_restored"),
    ]

    operations = [
        migrations.AddField(
            model_name="remotecalendar",
            name="channel_failures",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="remotecalendar",
            name="next_channel_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name="Channel",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=kalends.core.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("secret_digest", models.CharField(max_length=64)),
                ("remote_id", models.CharField(blank=True, max_length=255)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("opening", "opening"),
                            ("open", "open"),
                            ("closing", "closing"),
                            ("closed", "closed"),
                        ],
                        default="opening",
                        max_length=8,
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                ("expires_at", models.DateTimeField()),
                ("renew_at", models.DateTimeField()),
                ("verified_at", models.DateTimeField(blank=True, null=True)),
                ("heard_at", models.DateTimeField(blank=True, null=True)),
                ("awaiting_since", models.DateTimeField(blank=True, null=True)),
                ("on_trial", models.BooleanField(default=False)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                ("retry_at", models.DateTimeField(blank=True, null=True)),
                (
                    "calendar",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="channels",
                        to="calendars.remotecalendar",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["calendar", "state"], name="calendars_c_calenda_3e972e_idx"),
                    models.Index(fields=["remote_id"], name="calendars_c_remote__609897_idx"),
                ],
            },
        ),
    ]
