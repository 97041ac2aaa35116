// Nothing to call: see annotations.c.
