"""A Django application with its own users, sessions and sign-in: python3 app.py, with DATABASE_URL and PORT."""

import json
import os
from urllib.parse import urlparse
from wsgiref.simple_server import WSGIRequestHandler, make_server

import django
from django.conf import settings

database = urlparse(os.environ["DATABASE_URL"])
settings.configure(
    SECRET_KEY="a secret of the test",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF=__name__,
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions"],
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
    ],
    PASSWORD_HASHERS=[
        f"django.contrib.auth.hashers.{os.environ.get('HASHER', 'PBKDF2')}PasswordHasher",
        "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    ],
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": database.hostname,
            "PORT": database.port,
            "USER": database.username,
            "PASSWORD": database.password,
            "NAME": database.path[1:],
        }
    },
)
django.setup()

from django.contrib.auth import authenticate, get_user_model, login  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.http import JsonResponse  # noqa: E402
from django.urls import path  # noqa: E402


def users(request):
    get_user_model().objects.create_user(**json.loads(request.body))
    return JsonResponse({})


def sign_in(request):
    given = json.loads(request.body)
    user = authenticate(request, username=given["username"], password=given["password"])
    if user is None:
        return JsonResponse({}, status=401)
    login(request, user)
    return JsonResponse({})


def me(request):
    return JsonResponse({}, status=200 if request.user.is_authenticated else 401)


urlpatterns = [path("users", users), path("sign-in", sign_in), path("me", me)]


class Quiet(WSGIRequestHandler):
    def log_message(self, *args):
        pass


call_command("migrate", verbosity=0)
make_server("127.0.0.1", int(os.environ["PORT"]), get_wsgi_application(), handler_class=Quiet).serve_forever()
