"""All settings, driven by the environment; README.md has the table. Defaults are production's."""

import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.utils.csp import CSP
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from config import env

BASE_DIR = Path(__file__).resolve().parent.parent

_words = {word for word in sys.argv[1:3] if word in env.KEYLESS_COMMANDS or word in ("--help", "-h", "--version")}
KEYLESS = bool(_words) and Path(sys.argv[0]).name in ("manage.py", "django-admin", "__main__.py")

DEBUG = env.boolean("DEBUG", False)
SECRET_KEY = env.text("SECRET_KEY") or ("not-a-key-" * 6 if KEYLESS else "")
if not SECRET_KEY:
    env.stop("SECRET_KEY is not set. Set it, or SECRET_KEY_FILE, to a long random text that stays the same.")

PUBLIC_URL = (env.text("PUBLIC_URL") or "http://localhost:8000").rstrip("/")
_public = urlsplit(PUBLIC_URL)
if _public.scheme not in ("http", "https") or not _public.hostname or _public.path:
    env.stop(f"PUBLIC_URL={PUBLIC_URL!r} is not an address such as https://images.example.org.")
SECURE = _public.scheme == "https"
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS") or [_public.hostname]
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]

INSTALLED_APPS = [
    "accounts",
    "catalog",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "accounts.session_apps.PlacesConfig",  # allauth.usersessions
    "django_htmx",
    "heroicons",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.limits.NoStoreMiddleware",
    "accounts.sessions.SessionMiddleware",
    "accounts.sessions.SessionLimitsMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "config.limits.BodyLimitMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.SignInMiddleware",
    "config.deadline.DeadlineMiddleware",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"],
                )
            ]
            if not DEBUG
            else ["django.template.loaders.filesystem.Loader", "django.template.loaders.app_directories.Loader"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "django.template.context_processors.i18n",
                "accounts.access.team_context",
            ],
            "builtins": ["accounts.templatetags.icons"],
        },
    }
]


def database(url: str) -> dict[str, Any]:
    """Django's form of a libpq URL. libpq's own parser reads it, so sockets, services and every option work."""
    try:
        parts: dict[str, Any] = conninfo_to_dict(url)
    except ProgrammingError:
        env.stop("DATABASE_URL is not a PostgreSQL address such as postgresql://user:password@host:5432/name.")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", "bootshelf"),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "HOST": parts.pop("host", ""),
        "PORT": str(parts.pop("port", "")),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {"application_name": "bootshelf", "connect_timeout": 10, **parts},
    }


DATABASE_URL = env.text("DATABASE_URL") or ("postgresql:///bootshelf" if KEYLESS else "")
if not DATABASE_URL:
    env.stop("DATABASE_URL is not set. ./run brings a PostgreSQL along; else name yours.")
DATABASES = {"default": database(DATABASE_URL)}
QUERY_SECONDS = env.integer("QUERY_SECONDS", 2)  # of a web request, each query (config/deadline.py)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.text("REDIS_URL") or ("redis://127.0.0.1:6379/0" if KEYLESS else "")
if not REDIS_URL.startswith(("redis://", "rediss://", "unix://")):
    env.stop("REDIS_URL is not set to an address such as redis://127.0.0.1:6379/0 (or rediss://, or unix:///path).")
CACHES = {"default": {"BACKEND": "config.cache.Cache", "LOCATION": REDIS_URL, "KEY_PREFIX": "cache"}}

# People
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "accounts.password_words.KnownPasswordValidator"},
    {"NAME": "accounts.password_words.ListedWordsValidator"},
]
PASSWORD_WORDS = env.words("PASSWORD_WORDS")  # of the organisation; no password is one of these and little else
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_UNKNOWN_ACCOUNTS = False
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = None
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60  # of a sign-in: how long it is recent (accounts/reauthentication.py)
ACCOUNT_EMAIL_NOTIFICATIONS = True
ALLAUTH_TRUSTED_PROXY_COUNT = int(env.boolean("BEHIND_PROXY", False))  # whose tries are counted is its client's
ACCOUNT_FORMS = {"signup": "accounts.sign_up.SignUpForm"}
SIGNUP_OPEN = env.boolean("SIGNUP_OPEN", False)
MFA_ADAPTER = "accounts.second_factors.MFAAdapter"
MFA_FORMS = {
    "authenticate": "accounts.second_factors.AuthenticateForm",
    "reauthenticate": "accounts.second_factors.ReauthenticateForm",
    "activate_totp": "accounts.second_factors.ActivateTOTPForm",
    "add_webauthn": "accounts.second_factors.AddPasskeyForm",
    "edit_webauthn": "accounts.second_factors.RenamePasskeyForm",
}
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_TOLERANCE = 1  # a phone's clock may be half a minute off
MFA_RATE_LIMITS = {"webauthn_login": "60/m/ip"}  # nothing to guess; an office shares an address

# Single sign-on by an OpenID Connect provider; none without OIDC_ISSUER. Its word that an address is verified counts.
_issuer = env.text("OIDC_ISSUER")
if _issuer and urlsplit(_issuer).scheme != "https":
    env.stop(f"OIDC_ISSUER={_issuer!r} is not an https address.")  # TLS is what vouches for its tokens
OIDC: dict[str, Any] = (
    {
        "provider_id": "oidc",
        "name": env.text("OIDC_NAME") or "Single sign-on",
        "client_id": env.required("OIDC_CLIENT_ID", "OIDC_ISSUER"),
        "secret": env.required("OIDC_CLIENT_SECRET", "OIDC_ISSUER"),
        "settings": {"server_url": _issuer.rstrip("/"), "oauth_pkce_enabled": True},
    }
    if _issuer
    else {}
)
SOCIALACCOUNT_PROVIDERS = {"openid_connect": {"APPS": [OIDC] if OIDC else []}}
SOCIALACCOUNT_ADAPTER = "accounts.single_sign_on.SocialAccountAdapter"
SOCIALACCOUNT_EMAIL_AUTHENTICATION = SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
TEAMS_OPEN = env.boolean("TEAMS_OPEN", False)  # anybody signed in may make a team (accounts/teams.py)
# Of a session, without a request and in all (accounts/sessions.py).
SESSION_ENGINE = "accounts.session_store"
USERSESSIONS_ADAPTER = "accounts.sessions.PlacesAdapter"
SESSION_IDLE_SECONDS = 3600 * env.integer("SESSION_IDLE_HOURS", 12, least=1)
SESSION_ABSOLUTE_SECONDS = 3600 * env.integer("SESSION_ABSOLUTE_HOURS", 168, least=1)
SESSION_COOKIE_AGE = SESSION_ABSOLUTE_SECONDS

# Mail
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.text("DEFAULT_FROM_EMAIL") or f"Bootshelf <bootshelf@{_public.hostname}>"
EMAIL_SUBJECT_PREFIX = ACCOUNT_EMAIL_SUBJECT_PREFIX = "[Bootshelf] "
_mail_host = env.text("EMAIL_HOST")
MAIL_IS_SET = bool(_mail_host)  # else only the mails that somebody waits for go to the log
MAILERS = {
    "default": {
        "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
        "OPTIONS": {
            "host": _mail_host,
            "port": env.integer("EMAIL_PORT", 587, least=1),
            "username": env.text("EMAIL_HOST_USER") or "",
            "password": env.text("EMAIL_HOST_PASSWORD") or "",
            "use_tls": env.boolean("EMAIL_USE_TLS", True),
            "use_ssl": env.boolean("EMAIL_USE_SSL", False),
            "timeout": 10,
        },
    }
    if _mail_host
    else {"BACKEND": "django.core.mail.backends.console.EmailBackend"}
}

# Language and time
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LANGUAGE_COOKIE_NAME = "__Host-language" if SECURE else "django_language"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_SECURE, LANGUAGE_COOKIE_HTTPONLY, LANGUAGE_COOKIE_SAMESITE = SECURE, True, "Lax"
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["config.formats"]
USE_TZ = True
TIME_ZONE = "UTC"

# Static files
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.text("STATIC_ROOT") or BASE_DIR / "static-collected")
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = DEBUG

# The web
SECURE_CSP = {
    "default-src": [CSP.NONE],
    "script-src": [CSP.SELF],
    "style-src": [CSP.SELF],
    "img-src": [CSP.SELF, "data:"],
    "font-src": [CSP.SELF],
    "connect-src": [CSP.SELF],
    "form-action": [CSP.SELF],
    "base-uri": [CSP.NONE],
    "frame-ancestors": [CSP.NONE],
}
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_NAME = "__Host-session" if SECURE else "session"
CSRF_COOKIE_NAME = "__Host-csrf" if SECURE else "csrf"
THEME_COOKIE_NAME = "__Host-theme" if SECURE else "theme"
CSRF_COOKIE_HTTPONLY = True  # pages bring the token along
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # they name images: no cookie holds them
CSRF_FAILURE_VIEW = "accounts.kept_forms.met_old_token"
SECURE_SSL_REDIRECT = env.boolean("SECURE_SSL_REDIRECT", SECURE)
SECURE_REDIRECT_EXEMPT = [r"^health/$"]  # probes speak plain HTTP
SECURE_HSTS_SECONDS = env.integer("SECURE_HSTS_SECONDS", 365 * 24 * 3600 if SECURE else 0)
# Whatever else lives below this host is the operator's, and no business of ours.
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = False
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.boolean("BEHIND_PROXY", False) else None
SECURE_REFERRER_POLICY = "same-origin"
LARGEST_BODY_BYTES = 10 * 1024 * 1024  # with a file in it; a larger one is not even read
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024  # all fields of a form
# A file may hold passwords: it is never written to a disk. A larger one does not arrive (views/batches.py says so).
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.MemoryFileUploadHandler"]

# Clouds. An operator's override of an endpoint (PROVIDERS.md section 3); where simulated accounts go.
PROVIDER_ENDPOINTS = env.endpoints("PROVIDER_ENDPOINTS")
SIMULATOR_URL = env.text("SIMULATOR_URL")
# Of one cloud account to one product in one region, by all workers together; as many at once.
PROVIDER_CALLS_PER_SECOND = env.integer("PROVIDER_CALLS_PER_SECOND", 10, least=1)
SYNC_PATIENCE_SECONDS = 120  # waiting for a cloud in all, a run in the worker
FOREGROUND_PATIENCE_SECONDS = 30

# In days: how long an image is missing, from two complete listings at least, until it is archived; how long a change
# is kept.
ARCHIVE_MISSING_DAYS = env.integer("ARCHIVE_MISSING_DAYS", 90, least=1)
KEEP_CHANGES_DAYS = env.integer("KEEP_CHANGES_DAYS", 365, least=1)

# Celery. PostgreSQL holds the truth, a message is only a hint: nothing is kept in the broker that matters.
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_TASK_IGNORE_RESULT, CELERY_RESULT_EXPIRES = True, None  # there are none to clean up
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# A web request that queues work does not wait for a broker that is down: beat sees to what was not queued.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.1,
    "socket_connect_timeout": 2,
    "socket_timeout": 10,
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_QUEUES: dict[str, dict[str, Any]] = {"celery": {}, "clock": {}}  # a worker takes from both
CELERY_BEAT_SCHEDULER = "catalog.beat:Scheduler"
# In seconds. No message expires: that is a time by one machine's clock, and the next one's may be an hour ahead of it.
CELERY_BEAT_SCHEDULE = {
    "queue-due-sources": {"task": "catalog.tasks.queue_due_sources", "schedule": 60.0},
    "reconcile": {"task": "catalog.tasks.reconcile", "schedule": 30.0},
    "settle-registrations": {"task": "catalog.tasks.settle_registrations", "schedule": 30.0},
    "retire": {"task": "catalog.tasks.retire", "schedule": 600.0},
    "tidy": {"task": "catalog.tasks.tidy", "schedule": 60.0},
    "mail-requests": {"task": "catalog.tasks.mail_requests", "schedule": 60.0},
}

DEFAULT_EXCEPTION_REPORTER_FILTER = "config.reports.PlacesOnly"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "class": "config.log_lines.Line",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
            "datefmt": "%Y-%m-%dT%H:%M:%S%z",
        }
    },
    "filters": {"who": {"()": "config.logs.TellWho"}, "feeds": {"()": "config.logs.HideFeeds"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["who", "feeds"]}},
    "root": {"handlers": ["console"], "level": env.text("LOG_LEVEL") or "INFO"},
    "loggers": {"django.server": {"level": "WARNING"}},
}
