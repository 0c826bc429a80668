"""One file of settings for every environment; what differs comes from variables."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from django.core.exceptions import ImproperlyConfigured

from config import env, statics

BASE_DIR = Path(__file__).resolve().parent.parent
env.read_file(BASE_DIR / ".env")

# --- safety ---------------------------------------------------------------------
DEBUG = env.flag("HOLDFAST_DEBUG", default=False)
DEMO = env.flag("HOLDFAST_DEMO", default=False)
SECRET_KEY = env.text("HOLDFAST_SECRET_KEY", "only-for-debugging" if DEBUG else None)
_SECRET_LENGTH, _SECRET_LETTERS = 50, 5
if not DEBUG and (
    len(SECRET_KEY) < _SECRET_LENGTH or len(set(SECRET_KEY)) < _SECRET_LETTERS
):
    _msg = (
        f"HOLDFAST_SECRET_KEY is weak. Set {_SECRET_LENGTH} or more random characters, "
        "for example from `openssl rand -base64 48`."
    )
    raise ImproperlyConfigured(_msg)
# Sessions and tokens that these have signed are still taken.
SECRET_KEY_FALLBACKS = env.secrets("HOLDFAST_SECRET_KEY_OLD")
# What gives a right or keeps a secret; `renew_hash_key` takes rows of former ones over.
HASH_KEY = env.secret("HOLDFAST_HASH_KEY") or SECRET_KEY
HASH_KEYS_OLD = env.secrets("HOLDFAST_HASH_KEY_OLD")
# Keyed hashes under which rows are found again, and that stay comparable for ever.
LOOKUP_KEY = env.secret("HOLDFAST_LOOKUP_KEY")
if HASH_KEYS_OLD and not LOOKUP_KEY:
    _msg = (
        "HOLDFAST_HASH_KEY_OLD is set and HOLDFAST_LOOKUP_KEY is not. Set it to the "
        "last one of HOLDFAST_HASH_KEY_OLD, and leave it: rows are found by it."
    )
    raise ImproperlyConfigured(_msg)
LOOKUP_KEY = LOOKUP_KEY or HASH_KEY
ALLOWED_HOSTS = env.items("HOLDFAST_ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
if not DEBUG and "*" in ALLOWED_HOSTS:
    _msg = "HOLDFAST_ALLOWED_HOSTS allows every name. Write the names of this site."
    raise ImproperlyConfigured(_msg)
CSRF_TRUSTED_ORIGINS = env.items("HOLDFAST_TRUSTED_ORIGINS", "")
HTTPS = env.flag("HOLDFAST_HTTPS", default=not DEBUG)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = env.number(
    "HOLDFAST_HSTS_SECONDS", default=31_536_000 if HTTPS else 0
)
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_HSTS_SECONDS > 0
# A load balancer asks on the machine itself, without https.
SECURE_REDIRECT_EXEMPT = [r"^(?:healthz|readyz)/?$"]
# Believed only where a proxy sets it and takes away what callers send.
if env.flag("HOLDFAST_PROXY_HTTPS", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
# Under this name a browser takes a cookie from this very host and path alone.
_cookie = "__Host-" if HTTPS else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{_cookie}sessionid", f"{_cookie}csrftoken"
# Of a browser that was used for a sign-in: audit/accounts/devices.py.
DEVICE_COOKIE_NAME = f"{_cookie}device"
# Sent to the entrances of signing in alone, which the prefix above does not allow.
REFRESH_COOKIE_NAME = f"{'__Secure-' if HTTPS else ''}holdfast_refresh"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# Twelve hours from signing in, however busy; and no longer than the browser is open.
SESSION_COOKIE_AGE = env.number("HOLDFAST_SESSION_SECONDS", default=43_200)
SESSION_IDLE_SECONDS = env.number("HOLDFAST_SESSION_IDLE_SECONDS", default=3_600)
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
# In the database, by the hashes of their keys.
SESSION_ENGINE = "audit.accounts.session_store"
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
# No script and no style but our files: what a captured text brings stays text.
SECURE_CSP = {
    "default-src": ["'none'"],
    "script-src": ["'self'"],
    "style-src": ["'self'"],
    "img-src": ["'self'", "data:"],
    "font-src": ["'self'"],
    "connect-src": ["'self'"],
    "form-action": ["'self'"],
    "frame-ancestors": ["'none'"],
    "base-uri": ["'none'"],
    "object-src": ["'none'"],
}
if _report := env.text("HOLDFAST_CSP_REPORT_URI", ""):
    SECURE_CSP["report-uri"] = [_report]
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"
# Pages elsewhere that may call the staff API (config/origins.py): with a token that
# they send themselves, never with cookies.
CORS_ALLOWED_ORIGINS = env.origins("HOLDFAST_API_ORIGINS")
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
CORS_ALLOW_HEADERS = [
    "accept",
    "authorization",
    "content-type",
    "idempotency-key",
    "if-match",
    "x-business",
    "x-csrftoken",
    "x-request-id",
    "x-step-up-grant",
]
# What an answer says in headers; scripts elsewhere read only these.
CORS_EXPOSE_HEADERS = [
    "Allow",
    "Content-Disposition",
    "Deprecation",
    "ETag",
    "Idempotent-Replayed",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "Sunset",
    "WWW-Authenticate",
    "X-Export-Id",
    "X-Export-Left-Out",
    "X-Request-Id",
]
# The longest that Chromium keeps the answer to a preflight.
CORS_PREFLIGHT_MAX_AGE = 7200

# --- applications ---------------------------------------------------------------
INSTALLED_APPS = [
    "config.apps.ConfigConfig",
    "config.apps.HoldfastAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    # Its templates, for the renderer that also finds ours: templates/admin/widgets.
    "django.forms",
    "simple_history",
    "import_export",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "corsheaders",
    "audit.apps.AuditConfig",
    "customers.apps.CustomersConfig",
    "capture.apps.CaptureConfig",
]
# The order is checked: config/checks.py says what belongs before what.
MIDDLEWARE = [
    "audit.middleware.TenancyMiddleware",
    "config.middleware.OperationMiddleware",
    "config.origins.ApiCorsMiddleware",
    "config.unavailable.UnavailableMiddleware",
    "capture.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.HeadersMiddleware",
    "config.csp.ContentSecurityPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "config.health.HealthMiddleware",
    "config.middleware.NameMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "config.limits.LimitsMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "audit.accounts.sessions.SessionAgeMiddleware",
    "config.middleware.LanguageMiddleware",
    "config.middleware.ZoneMiddleware",
    "audit.middleware.SecondFactorMiddleware",
    "audit.middleware.TrailMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
MESSAGE_STORAGE = "audit.admin.sealed_messages.SealedStorage"
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
APPEND_SLASH = True
AUTH_USER_MODEL = "audit.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
TEST_RUNNER = "config.testing.PytestRunner"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- database -------------------------------------------------------------------
_database = env.database("DATABASE_URL", f"sqlite:///{BASE_DIR / 'holdfast.sqlite3'}")
if _database["ENGINE"].endswith("sqlite3"):
    if _database["NAME"] != ":memory:":
        # The same file from whichever folder a command is started.
        _database["NAME"] = str(BASE_DIR / _database["NAME"])
    _database["ENGINE"] = "config.backends.sqlite3"
    _database["OPTIONS"] = {
        # Take the write lock at BEGIN: two readers that both turn writers would fail.
        "transaction_mode": "IMMEDIATE",
        # Of commands; a server waits DATABASE_WAIT_SECONDS.
        "timeout": 20,
        "init_command": (
            # FULL waits for the disk at each commit: what was answered outlives a power
            # cut.
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
            "PRAGMA foreign_keys=ON; PRAGMA recursive_triggers=ON; "
            "PRAGMA secure_delete=ON; PRAGMA cache_size=-65536"
        ),
    }
else:
    _database["ENGINE"] = "config.backends.postgresql"
    # A host that does not answer at all; what the URL says wins.
    _database["OPTIONS"] = {"connect_timeout": 10, **_database.get("OPTIONS", {})}
    if _database.get("CONN_MAX_AGE") or "pool" in _database["OPTIONS"]:
        _msg = (
            "DATABASE_URL has conn_max_age or pool. Remove it: the server has a pool "
            "of its own, and HOLDFAST_DATABASE_POOL says how large it is."
        )
        raise ImproperlyConfigured(_msg)
# How long a request waits for a lock or a connection, in all: whoever asks gets an
# answer within two seconds. Commands and jobs wait longer (config/startup.py).
DATABASE_WAIT_SECONDS = (
    env.number("HOLDFAST_DATABASE_WAIT_MS", default=1500, at_least=100) / 1000
)
# How many requests a process works on at once, a third of them captures, the others
# pages (config/admission.py).
SERVER_THREADS = env.number("HOLDFAST_THREADS", default=6, at_least=2)
# Servers share connections; commands connect for themselves. With fewer than requests
# at once, some would wait for a connection and be refused though there is room.
DATABASE_POOL = {
    "min_size": 1,
    "max_size": env.number(
        "HOLDFAST_DATABASE_POOL",
        default=SERVER_THREADS + 2,
        at_least=SERVER_THREADS + 1,
    ),
    "timeout": DATABASE_WAIT_SECONDS,
    # Then the next request tries anew, instead of a pause that doubles each time.
    "reconnect_timeout": 1,
}
# Statements of a server on PostgreSQL: how long they wait for a lock, and last at most
# (milliseconds). `options` in the URL wins; behind PgBouncer see docs/operate.md.
DATABASE_SERVER_OPTIONS = (
    f"-c lock_timeout={DATABASE_WAIT_SECONDS * 1000:.0f} -c statement_timeout=30000"
)
# Those of a worker, whose pieces take a tenth of a second: what takes so much longer
# hangs. Commands that an operator runs, such as `migrate`, have no limit.
DATABASE_WORKER_OPTIONS = "-c lock_timeout=20000 -c statement_timeout=300000"
DATABASES = {"default": _database}
# PostgreSQL after `manage.py harden_database`: each transaction says for which
# businesses it reads and writes, and the server refuses to start as a strong role.
HARDENED = env.flag("HOLDFAST_HARDENED", default=False)

# --- people ---------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["audit.backends.RoleBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
] + [
    {"NAME": f"audit.accounts.password_validators.{name}"}
    for name in ("SiteWordsValidator", "UserNameValidator")
]

# Tries that fail: of one account, of one network (an address, or an IPv6 site).
SIGN_IN_ACCOUNT_TRIES = env.number(
    "HOLDFAST_SIGN_IN_ACCOUNT_TRIES", default=10, at_least=2
)
SIGN_IN_NETWORK_TRIES = env.number(
    "HOLDFAST_SIGN_IN_NETWORK_TRIES", default=50, at_least=1
)
SIGN_IN_WINDOW_MINUTES = env.number(
    "HOLDFAST_SIGN_IN_WINDOW_MINUTES", default=15, at_least=1
)
# Members with one of these roles in a business need a second factor.
SECOND_FACTOR_ROLES = env.choices(
    "HOLDFAST_SECOND_FACTOR_ROLES",
    "" if DEBUG or DEMO else "admin,superuser",
    ("admin", "support", "marketing", "auditor", "superuser"),
)
# For ever: under another name no passkey opens anything. Without one there are none.
PASSKEY_DOMAIN = env.domain("HOLDFAST_PASSKEY_DOMAIN", ALLOWED_HOSTS)
# Pages that may ask for one, each as a whole, with its port.
PASSKEY_ORIGINS = env.passkey_origins(
    "HOLDFAST_PASSKEY_ORIGINS", PASSKEY_DOMAIN, is_https=HTTPS
)
# Where pages lead that are opened by number; the demo sets it (config/middleware.py).
LOCAL_ORIGIN = ""
ACCESS_TOKEN_MINUTES = env.number(
    "HOLDFAST_ACCESS_TOKEN_MINUTES", default=10, at_least=1
)
REFRESH_TOKEN_DAYS = env.number("HOLDFAST_REFRESH_TOKEN_DAYS", default=14, at_least=1)

# --- step-up --------------------------------------------------------------------
# PINs are mixed with the first of these before they are hashed. Without one, a key
# made from HASH_KEY is used.
_peppers = [env.secret("HOLDFAST_PIN_PEPPER"), env.secret("HOLDFAST_PIN_PEPPER_OLD")]
PIN_PEPPERS = [text for text in _peppers if text]
# How far the proof reaches (docs/trust.md); from 2 on a PIN alone does not erase.
ASSURANCE_LEVEL = int(env.choice("HOLDFAST_ASSURANCE_LEVEL", "0", "0", "1", "2", "3"))
# Wrong codes in a quarter of an hour, from one address and in all.
STEP_UP_LIMITS = {
    "address": env.number("HOLDFAST_STEP_UP_ADDRESS", default=30),
    "overall": env.number("HOLDFAST_STEP_UP_OVERALL", default=300),
}

# --- mail -----------------------------------------------------------------------
# A demo writes them into files, so that they can be read.
_mail = env.mail(
    "HOLDFAST_EMAIL_URL",
    f"filemail:///{quote(str(BASE_DIR / 'mails'))}" if DEMO else "dummymail://",
)
EMAIL_FILE_PATH = _mail["EMAIL_FILE_PATH"]
EMAIL_BACKEND, EMAIL_HOST = _mail["EMAIL_BACKEND"], _mail["EMAIL_HOST"]
EMAIL_PORT, EMAIL_HOST_USER = _mail["EMAIL_PORT"], _mail["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = _mail["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS = _mail.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _mail.get("EMAIL_USE_SSL", False)
DEFAULT_FROM_EMAIL = env.text("HOLDFAST_EMAIL_FROM", "holdfast@localhost")
EMAIL_TIMEOUT = 10

# --- pages ----------------------------------------------------------------------
# Where "View site" in the admin leads: the company's site, or the shop of the demo.
SITE_URL = env.address("HOLDFAST_SITE_URL", "/demo/" if DEMO else "")

# What this installation is for, drawn on every page of the admin: `demo`, `staging`,
# any short text; nothing in production.
ENVIRONMENT = env.label("HOLDFAST_ENVIRONMENT", "demo" if DEMO else "")
if ENVIRONMENT.lower() == "production":
    ENVIRONMENT = ""

# --- language, time, files ------------------------------------------------------
# Of commands, logs, the API and everything that is stored; pages and mails are in the
# language of whoever reads them.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["config.formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / env.text("HOLDFAST_STATIC_ROOT", "staticfiles")
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_ADD_HEADERS_FUNCTION = statics.add_headers
MEDIA_ROOT = BASE_DIR / env.text("HOLDFAST_MEDIA_ROOT", "media")
# Kept files are nobody else's on the machine; larger uploads pass through a file that
# is gone with the request.
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "config.storage.CollectedFilesStorage"
    },
}

# --- server -----------------------------------------------------------------------
# How long requests that are more than HOLDFAST_THREADS wait for their turn before they
# get a 503 (config/admission.py).
QUEUE_SECONDS = env.seconds("HOLDFAST_QUEUE_SECONDS", default=0.5, at_least=0.1)

# --- cache: of each process by itself. Django's caches unpickle what they hold, so one
# in the database would run whatever somebody has written there ------------------
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}

# --- long work: a table and a worker of our own behind Django's tasks API ---------
TASKS = {
    "default": {
        "BACKEND": "audit.jobs.backend.JobBackend",
        "QUEUES": ["default", "long"],
    }
}
# After so many seconds without progress the job of a dead worker goes to another one.
# Longer than one piece takes, which is about a tenth of a second.
JOB_LEASE_SECONDS = env.number("HOLDFAST_JOB_LEASE_SECONDS", default=30, at_least=2)

# --- capture ----------------------------------------------------------------------
# What a caller may send: units in the long run a second, and at once. One request is a
# unit, and so is each item and each 16 KB of it.
CAPTURE_RATES = {
    "publishable": env.rate("HOLDFAST_RATE_PUBLISHABLE", "500/5000"),
    "address": env.rate("HOLDFAST_RATE_ADDRESS", "50/1000"),
    "secret": env.rate("HOLDFAST_RATE_SECRET", "2000/20000"),
    "stranger": env.rate("HOLDFAST_RATE_STRANGER", "5/60"),
}
# SDK routes answer below this path too; a name of the operator's own.
SDK_PREFIX = env.text("HOLDFAST_SDK_PREFIX", "")
# How many proxies in front add to X-Forwarded-For; without any it is not believed.
TRUSTED_PROXIES = env.number("HOLDFAST_TRUSTED_PROXIES", default=0)
# Above the largest body that a route takes, so that the route itself answers.
DATA_UPLOAD_MAX_MEMORY_SIZE = 16_000_000

# --- limits of pages and of the staff API -----------------------------------------
# Requests a second in the long run, and at once.
STAFF_RATES = {
    "user": env.rate("HOLDFAST_RATE_STAFF", "20/300"),
    "visitor": env.rate("HOLDFAST_RATE_VISITOR", "20/300"),
    "login": env.rate("HOLDFAST_RATE_LOGIN", "1/20"),
}
# The page of a customer has lists of rows, each with a dozen fields.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5_000
DATA_UPLOAD_MAX_NUMBER_FILES = 5
# The largest file that can be imported.
UPLOAD_MAX_BYTES = env.number("HOLDFAST_UPLOAD_MAX_BYTES", default=20_000_000)

# --- libraries ------------------------------------------------------------------
SIMPLE_HISTORY_DATE_INDEX = False
SIMPLE_HISTORY_REVERT_DISABLED = True
IMPORT_EXPORT_EXPORT_PERMISSION_CODE = "export"
REST_FRAMEWORK = {
    # The first one names the scheme of a 401.
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "audit.rest.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["audit.rest.permissions.Closed"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["audit.rest.parsers.StrictJSONParser"],
    # OPTIONS is no method of ours: 405, as any other.
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "audit.rest.schema.StaffSchema",
    "EXCEPTION_HANDLER": "config.api.errors.exception_handler",
    # The renderer writes times, in UTC.
    "DATETIME_FORMAT": None,
    "DATE_FORMAT": None,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Holdfast",
    "DESCRIPTION": "The customer hub. Every path answers with and without a slash at "
    "its end. Refusals are problem documents (RFC 9457); docs/api.md explains more. "
    "The addresses that source documents fix are described at /api/docs/contracts/.",
    # What checks and commands of the library describe.
    "DEFAULT_GENERATOR_CLASS": "config.api.schema.CanonicalGenerator",
    # Of the paths below /api/v1/, not of the product.
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/",
    "TAGS": [
        {"name": "Signing in", "description": "Tokens, and confirming with a PIN."},
        *(
            {"name": name}
            for name in (
                "Customers",
                "Addresses",
                "Contacts",
                "Preferences",
                "Notes",
                "Flags",
                "Consents",
                "Bookings",
                "Refunds",
                "Credits",
                "Tickets",
                "Figures",
            )
        ),
        {
            "name": "Customers of a business",
            "description": "All about one, snake_case.",
        },
        {"name": "Customers hub", "description": "Lists with figures, camelCase."},
        {"name": "Customer data", "description": "Everything, and its export."},
        {"name": "Tracking", "description": "Logins, targeting, marketing."},
        {"name": "Segments", "description": "Named sets of customers, and rules."},
        {"name": "Exports", "description": "Files, and what stands in them."},
        {"name": "Sending captures", "description": "With a key of the hub."},
        {"name": "Analytics SDKs", "description": "Segment's and RudderStack's."},
        {"name": "Payment webhooks", "description": "Signed by their provider."},
        {"name": "Reading captures", "description": "By staff, or with a secret key."},
        *(
            {"name": name}
            for name in (
                "Captures",
                "Sources and keys",
                "Businesses",
                "Memberships",
                "People and roles",
                "Trail",
            )
        ),
        {"name": "Health"},
    ],
    # Serializers say themselves what a change has to name.
    "COMPONENT_SPLIT_PATCH": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "PREPROCESSING_HOOKS": ["config.api.schema.without_slashes"],
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enum_id_removal",
        "config.api.schema.complete",
    ],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # Without an address the viewer asks nobody whether the schema is valid.
    # Closed at first: drawing all operations takes a browser many seconds.
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "filter": True,
        "validatorUrl": None,
        "docExpansion": "none",
        "defaultModelsExpandDepth": -1,
    },
}

# --- log lines ------------------------------------------------------------------
LOG_LEVEL = env.text("HOLDFAST_LOG_LEVEL", "info").upper()
_format = env.choice("HOLDFAST_LOG_FORMAT", "text" if DEBUG else "json", "text", "json")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {"()": "config.logs.JsonFormatter"},
        "text": {"()": "config.logs.TextFormatter", "show_errors": DEBUG},
    },
    "filters": {"logged_error": {"()": "config.database_errors.LoggedErrorFilter"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": _format}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
    "loggers": {
        # Without handlers of their own: none that mails an error with its values, and
        # none that writes a second line.
        "django": {"handlers": [], "propagate": True},
        # What has a line of its own needs no trace.
        "django.request": {"filters": ["logged_error"]},
        # The development server's lines hold whole addresses.
        "django.server": {"handlers": [], "level": "ERROR", "propagate": True},
        # Statements would come with their values.
        "django.db.backends": {"level": "INFO"},
        # Its lines name keys.
        "fido2": {"level": "WARNING"},
        # The pool repeats for twenty seconds what the error then says once.
        "psycopg.pool": {"level": "ERROR"},
    },
}
