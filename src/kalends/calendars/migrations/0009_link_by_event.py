from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("calendars", "0008_pacing")]

    operations = [
        migrations.AddIndex(
            model_name="link",
            index=models.Index(fields=["calendar", "remote_id"], name="calendars_l_calenda_7fbf57_idx"),
        ),
    ]
