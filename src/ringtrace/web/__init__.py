"""Doors: what browsers, gateways, people and programs reach over HTTP."""
