"""serve, doctor, demo, keys, health: what the person who runs the server calls."""
