"""First path segments that are the product's own: a company's slug may not take one.

A test holds this list against the URL map.
"""

from __future__ import annotations

RESERVED_SLUGS = frozenset(
    {
        "a", "account", "accounts", "admin", "api", "assets", "connect", "dashboard", "docs", "embed", "embed.js",
        "favicon.ico", "feeds", "guide", "healthz", "help", "hooks", "i18n", "join", "language", "legal", "login", "logout",
        "media", "metrics", "oauth", "password", "privacy", "q", "readyz", "robots.txt", "signup", "static", "status",
        "support", "w", "well-known", "www",
    }
)  # fmt: skip
