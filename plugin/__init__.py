"""The GIMP filter and its installer (not written yet)."""
