"""Tell customers' own servers what happened: signed, at least once, none waiting for another."""
