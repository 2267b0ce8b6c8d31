"""The shapes of responses, and how rows become them."""
