"""Pages of the dashboard: parse, call one service or selector, render."""
