"""The category catalogue of each tenant, archived categories included."""
