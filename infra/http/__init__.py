"""What both HTTP APIs share: problems, request ids, metrics, health, access, serving."""
