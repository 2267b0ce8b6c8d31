"""The command API, which accepts writes, and the decider, which makes events of them."""
