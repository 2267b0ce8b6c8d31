"""The dispatcher: makes image jobs of events, and requeues delayed and overdue ones."""
