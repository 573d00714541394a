"""REST API v1: JSON over HTTP with an API token, described by its OpenAPI document."""
