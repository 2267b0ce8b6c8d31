"""The decider runtime: what every decider and the senders of its commands need."""
