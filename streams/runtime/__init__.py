"""What every stream process needs: start, stop, retries, dead letters, ordered acknowledgement."""
