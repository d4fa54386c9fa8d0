"""Changes rows of a Django model that django-pghistory tracks: SECONDS; 0 only makes the tables."""

import os
import sys
import time

import django
from django.apps import AppConfig
from django.conf import settings


class Shop(AppConfig):
    name, label, path = "__main__", "shop", os.path.dirname(__file__)


settings.configure(
    INSTALLED_APPS=["django.contrib.contenttypes", "pgtrigger", "pghistory", "__main__.Shop"],
    USE_TZ=True,
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "NAME": os.environ["PGDATABASE"],
            "HOST": os.environ["PGHOST"],
            "PORT": os.environ["PGPORT"],
            "USER": os.environ["PGUSER"],
        }
    },
)
django.setup()
sys.modules["__main__.models"] = sys.modules["__main__"]  # where pghistory looks for the models

import pghistory  # noqa: E402: Django first
from django.core.management import call_command  # noqa: E402
from django.db import connection, models, transaction  # noqa: E402


class Counter(models.Model):
    name = models.TextField()
    value = models.IntegerField(default=0)

    class Meta:
        app_label = "shop"


pghistory.track()(Counter)
seconds = float(sys.argv[1])
if seconds == 0:
    call_command("migrate", verbosity=0)
    with connection.schema_editor() as editor:
        for model in (Counter, Counter.pgh_event_model):
            editor.create_model(model)
    call_command("pgtrigger", "install", verbosity=0)
end, undone = time.monotonic() + seconds, 0
while time.monotonic() < end:
    try:
        with transaction.atomic():
            counter = Counter.objects.create(name=f"of {os.getpid()} é")
            counter.value += 1
            counter.save()
            if counter.pk % 5 == 0:
                raise ZeroDivisionError
    except ZeroDivisionError:
        undone += 1
print(f"{undone} rolled back")
