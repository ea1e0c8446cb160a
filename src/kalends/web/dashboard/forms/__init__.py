"""Forms of the dashboard. They check what was typed; the services decide."""
