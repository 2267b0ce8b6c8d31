"""What clients send: headers, bodies, and what lets a request in."""
