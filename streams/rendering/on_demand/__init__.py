"""Makes renditions that nobody thought of before: on demand, from kept originals."""
