"""The store for several servers over one database: PostgreSQL 15 or newer."""
