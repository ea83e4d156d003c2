"""The GIMP filter (`gimp3/`, `gimp2/`) and its installer, `impasto gimp`."""
