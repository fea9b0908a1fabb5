import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config.deadline import limit_queries

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
limit_queries(settings.DATABASES["default"]["OPTIONS"], settings.QUERY_SECONDS)
application = get_wsgi_application()
