"""The GIMP filter (`gimp3/`, `gimp2/` for 2.10) and its installer, `impasto gimp`."""
