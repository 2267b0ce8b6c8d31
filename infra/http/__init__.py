"""What both HTTP APIs share: problems, request ids, metrics, readiness, access, serving."""
