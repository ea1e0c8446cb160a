"""The one HTTP client: time-outs, size caps, private-address refusal; OAuth; safe XML."""
