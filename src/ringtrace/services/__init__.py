"""Use-cases: what a business, a visitor, a gateway or a marketer can do."""
