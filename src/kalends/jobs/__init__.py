"""Huey, and what every durable row shares: claim with a lease, back-off, sweeps."""
