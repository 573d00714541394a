"""Durable storage behind the store port."""
