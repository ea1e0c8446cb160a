"""Settings, environment, URLs, WSGI."""
