"""The way of a picture from an accepted URL to a hosted image: dispatcher, fetcher and worker."""
