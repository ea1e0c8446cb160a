"""Local stand-ins of the providers, with a small page to move events by hand."""
