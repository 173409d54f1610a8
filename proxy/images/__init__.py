"""Images for containers: from cerebrium.toml, or from a Dockerfile that it names."""
