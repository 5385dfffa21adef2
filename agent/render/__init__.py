"""Text for people: documents in, inert Markdown without secrets out. Pure."""
