"""Django's settings, made from `kalends.config.env`. Nothing here is read from anywhere else."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _

from kalends.config import env
from kalends.core.paths import sqlite_path

KALENDS = env.load()
PACKAGE = Path(__file__).resolve().parent.parent
_base = urlsplit(KALENDS.base_url)

SECRET_KEY = KALENDS.secret_key
DEBUG = False
ALLOWED_HOSTS = [_base.hostname or "localhost"] if KALENDS.is_production else ["127.0.0.1", "localhost", "[::1]"]
CSRF_TRUSTED_ORIGINS = [f"{_base.scheme}://{_base.netloc}"]

INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    # Before allauth: its templates give way to ours of the same name.
    "kalends.web",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "csp",
    "django_htmx",
    "kalends.jobs",
    "kalends.accounts",
    "kalends.companies",
    "kalends.messages.apps.MessagesConfig",
    "kalends.calendars",
    "kalends.bookings",
    "kalends.api",
    "kalends.feeds",
    "kalends.ops",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "kalends.config.middleware.TrustedProxyMiddleware",
    "kalends.config.middleware.SecretAddressMiddleware",
    "kalends.config.middleware.ForProgramsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "kalends.config.urls"
WSGI_APPLICATION = "kalends.config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "kalends.web.context.page",
            ],
        },
    },
]


def _database(url: str) -> dict[str, object]:
    parts = urlsplit(url)
    if parts.scheme == "sqlite":
        path = sqlite_path(url)
        path.parent.mkdir(parents=True, exist_ok=True)
        return {
            "ENGINE": "kalends.jobs.sqlite",
            "NAME": str(path),
            "OPTIONS": {
                # A transaction that will write takes the write lock when it begins: no upgrade, no SQLITE_BUSY midway.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                # NORMAL, for the backend waits for the disk itself, when the next writer has its turn already.
                "init_command": (
                    "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON; "
                    "PRAGMA cache_size=-32000;"
                ),
            },
            "CONN_MAX_AGE": None,
        }
    if parts.scheme in ("postgres", "postgresql"):
        # As libpq reads it: `?host=/run/postgresql` is a socket's folder, `?sslmode=require` and the like are passed on.
        asked = dict(parse_qsl(parts.query.replace("+", "%2B"), keep_blank_values=True))
        return {
            "ENGINE": "kalends.jobs.postgresql",
            "NAME": parts.path.removeprefix("/"),
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": asked.pop("host", unquote(parts.hostname or "")),
            "PORT": asked.pop("port", str(parts.port or "")),
            "CONN_MAX_AGE": 600,
            "CONN_HEALTH_CHECKS": True,
            # A query that comes again is planned once: a booking costs a third less.
            "OPTIONS": {"server_side_binding": True, "prepare_threshold": 5, **asked},
        }
    raise ImproperlyConfigured(f"KALENDS_DATABASE_URL: {parts.scheme!r} is neither sqlite nor postgresql")


DATABASES = {"default": _database(KALENDS.database_url)}

# Counts of sign-ins and other short-lived things live in the shared store, not in a process.
CACHES = {
    "default": (
        {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": KALENDS.queue_url}
        if urlsplit(KALENDS.queue_url).scheme in ("redis", "rediss")
        else {
            "BACKEND": "django.core.cache.backends.db.DatabaseCache",
            "LOCATION": "kalends_cache",
            # With Django's 300 a stranger could push the counts of failed sign-ins out by making others.
            "OPTIONS": {"MAX_ENTRIES": 50_000},
        }
    ),
}

# -- people -------------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/dashboard"
ACCOUNT_LOGOUT_REDIRECT_URL = "/"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "optional"
ACCOUNT_ADAPTER = "kalends.accounts.adapter.AccountAdapter"
ACCOUNT_PREVENT_ENUMERATION = True
# Verification is optional, so a second factor must not depend on it.
MFA_ALLOW_UNVERIFIED_EMAIL = True
EMAIL_BACKEND = "kalends.messages.backend.EmailBackend"
DEFAULT_FROM_EMAIL = KALENDS.email_from
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]

# -- language and time --------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", _("English")), ("fr", _("French"))]
FORMAT_MODULE_PATH = "kalends.config.formats"
LOCALE_PATHS = [PACKAGE / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# -- static files -------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = KALENDS.var / "static"
STATIC_ROOT.mkdir(parents=True, exist_ok=True)
WHITENOISE_USE_FINDERS = not KALENDS.is_production
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "whitenoise.storage.CompressedManifestStaticFilesStorage"
            if KALENDS.is_production
            else "django.contrib.staticfiles.storage.StaticFilesStorage"
        )
    },
}

# -- safety -------------------------------------------------------------------------------------------------------
_https = _base.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_NAME = "kalends_session"
CSRF_COOKIE_NAME = "kalends_csrf"
SECURE_HSTS_SECONDS = 31_536_000 if _https and KALENDS.is_production else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
        "base-uri": [NONE],
        "object-src": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_048_576

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "kalends.config.logs.Lines"}},
    "filters": {"secrets": {"()": "kalends.config.logs.HideSecrets"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["secrets"]}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        # Names every request's path, and a path may hold a token.
        "django.server": {"handlers": [], "propagate": False},
        "httpx2": {"level": "WARNING"},
        "huey": {"level": "WARNING"},
    },
}
