"""REST, version 1, with its OpenAPI document and a page that shows it."""
