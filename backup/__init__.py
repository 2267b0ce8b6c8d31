"""The log as files: exported, verified, copied with masks, restored."""
