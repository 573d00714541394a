"""Closed days as Parquet files that anything can read."""
