"""The GIMP filter (`gimp3/`) and its installer, `impasto gimp`."""
