"""Data sets on disk and the batches made of them; import the module you need, nothing is loaded here."""
