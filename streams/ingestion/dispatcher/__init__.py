"""Turn events that start pipeline runs into image jobs, and enqueue delayed or lost ones again."""
