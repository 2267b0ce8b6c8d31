"""What is found out about a picture: colours, hashes, EXIF, and where most is to be seen."""
