"""Each asset as it stands, in every state."""
