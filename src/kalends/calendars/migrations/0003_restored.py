from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("calendars", "0002_derived_with"),
    ]

    operations = [
        migrations.AddField(
            model_name="calendarconnection",
            name="restored_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="calendarconnection",
            name="last_error",
            field=models.CharField(
                blank=True,
                choices=[
                    ("", ""),
                    ("auth_revoked", "The access was withdrawn"),
                    ("auth_transient", "The calendar system did not accept the access just now"),
                    ("calendar_gone", "The calendar is not there any more"),
                    ("rights_lost", "The calendar may not be written to any more"),
                    ("forbidden", "The calendar system refused"),
                    ("throttled", "The calendar system asked us to slow down"),
                    ("temporary", "The calendar system could not be reached"),
                    ("permanent", "The calendar system refused for good"),
                    ("deletions", "Unusually many events were deleted at once"),
                    ("restored", "Restored from a backup: nothing is written until a person releases it"),
                ],
                max_length=16,
            ),
        ),
        migrations.AddIndex(
            model_name="link",
            index=models.Index(
                condition=models.Q(("status__in", ["asked", "refused", "diverged"])),
                fields=["status"],
                name="link_in_trouble",
            ),
        ),
    ]
