"""Source URLs: which ones may be fetched, judged without a look-up."""
