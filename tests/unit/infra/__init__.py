"""The doors to outside things, without the things."""
