from __future__ import annotations

from django.db import migrations


def forget_answers_in_the_clear(apps, schema_editor):
    apps.get_model("api", "IdempotencyKey").objects.all().delete()


class Migration(migrations.Migration):
    """Kept answers are sealed from now on; those before are two days old at the most and are given up."""

    dependencies = [("api", "0001_initial")]
    operations = [migrations.RunPython(forget_answers_in_the_clear, migrations.RunPython.noop)]
