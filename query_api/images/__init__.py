"""Public pictures: published renditions and those made on demand, over HTTP."""
