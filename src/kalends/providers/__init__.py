"""One folder for each calendar system behind the port in kalends.sync. No Django."""
