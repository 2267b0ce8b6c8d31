"""The whole platform, from POST to public URL and rebuild."""
