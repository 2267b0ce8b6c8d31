"""Source URLs: which of them may be fetched, judged without a look-up."""
