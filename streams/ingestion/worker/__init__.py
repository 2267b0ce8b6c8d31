"""The worker: fetches a source, renders it, stores the result, reports the outcome."""
