from __future__ import annotations


def run_connection(connection_id, *, now):
    return None
