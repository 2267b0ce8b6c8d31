"""What an asset and a catalogue may do: pure decisions, the standard library only."""
