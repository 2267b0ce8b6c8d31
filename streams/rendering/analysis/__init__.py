"""Analysis of a picture: colours, hashes, EXIF, and its point of attention."""
